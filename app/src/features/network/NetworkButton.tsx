/** Which network the app talks to, how the connection stands, and choosing another network. */

import { useState } from 'react';

import { customNetwork, defaultWsUrl, linkedNetwork, NETWORKS } from '../../chain/network';
import { useMarket, useSession } from '../../session';
import { storage } from '../../state/storage';
import { useStore } from '../../state/store';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/fields';
import { Card } from '../../ui/parts';
import { When } from '../../ui/time';

const STATUS_TEXT = { connecting: 'Connecting', live: 'Live', lost: 'Connection lost' } as const;

/** The network and how the connection stands; a press changes it. */
export function NetworkButton() {
  const { network } = useSession();
  const { status } = useMarket();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button type="button" className="chip network" onClick={() => setIsOpen(true)}>
        <span className={`status-dot ${status.kind}`} aria-hidden="true" />
        <span className="network-name">{network.name}</span>
        <span className="network-status">{STATUS_TEXT[status.kind]}</span>
        <span className="visually-hidden">
          Network {network.name}: {STATUS_TEXT[status.kind]}. Change it
        </span>
      </button>
      {isOpen && <NetworkDialog onClose={() => setIsOpen(false)} />}
    </>
  );
}

function NetworkDialog({ onClose }: { readonly onClose: () => void }) {
  const { network, setNetwork } = useSession();
  const [rpcUrl, setRpcUrl] = useState(network.rpcUrl);
  const [wsUrl, setWsUrl] = useState(network.wsUrl);
  const custom = customNetwork(rpcUrl, wsUrl);
  const parsed =
    'reason' in custom ? { ok: false as const, reason: custom.reason } : { ok: true as const, value: custom };
  return (
    <Dialog title="Network" onClose={onClose}>
      <div className="stack">
        <ul className="choices">
          {NETWORKS.map((candidate) => (
            <li key={candidate.id}>
              <button
                type="button"
                aria-pressed={candidate.rpcUrl === network.rpcUrl}
                onClick={() => {
                  setNetwork(candidate);
                  onClose();
                }}
              >
                <strong>{candidate.name}</strong> <span className="hint mono">{candidate.rpcUrl}</span>
              </button>
            </li>
          ))}
        </ul>
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (!parsed.ok) return;
            setNetwork(parsed.value);
            onClose();
          }}
        >
          <TextField
            label="A node of your own"
            value={rpcUrl}
            onChange={(text) => {
              setRpcUrl(text);
              if (URL.canParse(text)) setWsUrl(defaultWsUrl(text));
            }}
            parsed={parsed}
            inputMode="text"
          />
          <TextField label="Its subscriptions" value={wsUrl} onChange={setWsUrl} inputMode="text" />
          <button type="submit" className="button primary" disabled={!parsed.ok}>
            Use this node
          </button>
        </form>
      </div>
    </Dialog>
  );
}

/** Asks before a link's node is used: it sees what one does, and shows what it wants. */
export function LinkedNode() {
  const { network, setNetwork } = useSession();
  const [linked, setLinked] = useState(() => {
    const named = linkedNetwork(location.search);
    return named?.rpcUrl === network.rpcUrl && named.wsUrl === network.wsUrl ? undefined : named;
  });
  if (linked === undefined) return null;
  return (
    <section className="banner" aria-label="The link's node">
      <p>
        This link wants you to trade through the node <span className="mono">{linked.rpcUrl}</span>
        {defaultWsUrl(linked.rpcUrl) !== linked.wsUrl && (
          <>
            {' '}
            and <span className="mono">{linked.wsUrl}</span>
          </>
        )}
        . A node sees what you do and chooses what you see: use it only where you trust whoever gave you the link.
      </p>
      <div className="row wrap">
        <button
          type="button"
          className="button"
          onClick={() => {
            setNetwork(linked);
            setLinked(undefined);
          }}
        >
          Use this node
        </button>
        <button type="button" className="button primary" onClick={() => setLinked(undefined)}>
          Stay with {network.name}
        </button>
      </div>
    </section>
  );
}

/** Says where the connection is lost and from when what is shown is, and what else is wrong with the page. */
export function ConnectionBanner() {
  const { status, readAt } = useMarket();
  const { network } = useSession();
  const isKeepingNothing = useStore(storage.isFailing);
  return (
    <div role="status" aria-live="polite">
      {status.kind === 'lost' && (
        <p className="banner">
          The connection to {network.name} is lost;{' '}
          {readAt === undefined ? (
            'nothing was read yet.'
          ) : (
            <>
              what you see is from <When at={Math.floor(readAt / 1_000)} exact />.
            </>
          )}{' '}
          Trying again… <span className="hint">({status.cause})</span>
        </p>
      )}
      {isKeepingNothing && (
        <p className="banner">
          This browser keeps nothing for this page: its storage is full or blocked. Leave the page open until a purchase
          is through.
        </p>
      )}
      {!isSecureContext && (
        <p className="banner">
          Browsers sign and hash only on secure pages. Open this app over https, or on this machine.
        </p>
      )}
    </div>
  );
}

/** What stands in place of every screen where this app does not trade on the network. */
export function RefusedNetwork({ reason }: { readonly reason: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <div className="page narrow">
      <Card title="Not on this network">
        <div className="stack">
          <p role="alert">{reason}</p>
          <div>
            <button type="button" className="button primary" onClick={() => setIsOpen(true)}>
              Choose another network
            </button>
          </div>
        </div>
      </Card>
      {isOpen && <NetworkDialog onClose={() => setIsOpen(false)} />}
    </div>
  );
}
