/** A wire to the node that can be cut and mended, as when a laptop leaves its network. */

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A forwarded port. */
export class Wire {
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** Forwards a free port of this machine to the port of an address. */
  static async to(url: string): Promise<Wire> {
    const target = Number(new URL(url).port);
    const wires: Wire[] = [];
    const server = createServer((socket) => {
      const [wire] = wires;
      if (wire === undefined || wire.isCut) {
        socket.destroy();
        return;
      }
      const onward = connect(target, '127.0.0.1');
      for (const [end, other] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        wire.sockets.add(end);
        end.on('error', () => other.destroy());
        end.on('close', () => {
          other.destroy();
          wire.sockets.delete(end);
        });
        end.pipe(other);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const wire = new Wire(server, (server.address() as AddressInfo).port);
    wires.push(wire);
    return wire;
  }

  /** Breaks every connection and takes no new ones. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  /** Takes connections again. */
  mend(): void {
    this.isCut = false;
  }

  /** Ends it. */
  close(): void {
    this.cut();
    this.server.close();
  }
}
