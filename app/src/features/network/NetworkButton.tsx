/** Which network the app talks to, how the connection stands, and choosing another network. */

import { useState } from 'react';

import { customNetwork, defaultWsUrl, linkedNetwork, NETWORKS, networkWarning } from '../../chain/network';
import { useMarket, useSession } from '../../session';
import { storage } from '../../state/storage';
import { useStore } from '../../state/store';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/fields';
import { Card } from '../../ui/parts';
import { When } from '../../ui/time';
import { t } from '../../words';

const STATUS_TEXT = {
  connecting: t.networkButton.connecting,
  live: t.networkButton.live,
  lost: t.networkButton.connectionLost,
} as const;

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
          {t.networkButton.networkChangeIt(network.name, STATUS_TEXT[status.kind])}
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
    <Dialog title={t.networkButton.network} onClose={onClose}>
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
                <span className="hint">{networkWarning(candidate, location.protocol)}</span>
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
            label={t.networkButton.aNodeOfYourOwn}
            value={rpcUrl}
            onChange={(text) => {
              setRpcUrl(text);
              if (URL.canParse(text)) setWsUrl(defaultWsUrl(text));
            }}
            parsed={parsed}
            inputMode="text"
          />
          <TextField label={t.networkButton.itsSubscriptions} value={wsUrl} onChange={setWsUrl} inputMode="text" />
          <button type="submit" className="button primary" disabled={!parsed.ok}>
            {t.networkButton.useThisNode}
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
    <section className="banner" aria-label={t.networkButton.theLinksNode}>
      <p>
        {t.networkButton.thisLinkWantsYouTo(
          <span className="mono">{linked.rpcUrl}</span>,
          defaultWsUrl(linked.rpcUrl) !== linked.wsUrl && (
            <>{t.networkButton.and(<span className="mono">{linked.wsUrl}</span>)}</>
          ),
        )}
      </p>
      <p className="hint">{networkWarning(linked, location.protocol)}</p>
      <div className="row wrap">
        <button
          type="button"
          className="button"
          onClick={() => {
            setNetwork(linked);
            setLinked(undefined);
          }}
        >
          {t.networkButton.useThisNode}
        </button>
        <button type="button" className="button primary" onClick={() => setLinked(undefined)}>
          {t.networkButton.stayWith(network.name)}
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
  const warning = networkWarning(network, location.protocol);
  return (
    <div role="status" aria-live="polite">
      {status.kind === 'lost' && (
        <p className="banner">
          {t.networkButton.theConnectionToIsLost(
            network.name,
            readAt === undefined ? (
              t.networkButton.notAllWasReadYet
            ) : (
              <>{t.networkButton.whatYouSeeIsFrom(<When at={Math.floor(readAt / 1_000)} exact />)}</>
            ),
            <span className="hint">({status.cause})</span>,
          )}
        </p>
      )}
      {warning !== undefined && <p className="banner">{warning}</p>}
      {isKeepingNothing && <p className="banner">{t.networkButton.thisBrowserKeepsNothingFor}</p>}
      {!isSecureContext && <p className="banner">{t.networkButton.browsersSignAndHashOnly}</p>}
    </div>
  );
}

/** What stands in place of every screen where this app does not trade on the network. */
export function RefusedNetwork({ reason }: { readonly reason: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <div className="page narrow">
      <Card title={t.networkButton.notOnThisNetwork}>
        <div className="stack">
          <p role="alert">{reason}</p>
          <div>
            <button type="button" className="button primary" onClick={() => setIsOpen(true)}>
              {t.networkButton.chooseAnotherNetwork}
            </button>
          </div>
        </div>
      </Card>
      {isOpen && <NetworkDialog onClose={() => setIsOpen(false)} />}
    </div>
  );
}
