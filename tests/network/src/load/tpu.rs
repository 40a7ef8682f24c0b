//! Sends transactions over QUIC to the TPU of a node, which executes them: the way of validators, past the RPC server.
//! Only with the feature `tpu` is there such a connection.

#[cfg(feature = "tpu")]
pub(super) use quic::Tpu;
#[cfg(not(feature = "tpu"))]
pub(super) use without::Tpu;

#[cfg(not(feature = "tpu"))]
mod without {
    use {
        crate::load::LoadError,
        multibus_client::chain::VersionedTransaction,
        std::{
            future::{Ready, ready},
            path::Path,
        },
    };

    /// There is none.
    pub(in crate::load) enum Tpu {}

    impl Tpu {
        pub fn connect(_: &str, _: Option<&Path>, _: usize) -> Ready<Result<Self, LoadError>> {
            let why = "this generator was built without the feature `tpu`; `cargo xtask load --tpu` builds it with it";
            ready(Err(LoadError::Options(why.to_string())))
        }

        pub fn send(&self, _: &VersionedTransaction) -> Ready<()> {
            match *self {}
        }
    }
}

#[cfg(feature = "tpu")]
mod quic {
    use {
        crate::load::LoadError,
        async_trait::async_trait,
        bincode::serialize,
        multibus_client::chain::VersionedTransaction,
        solana_keypair::read_keypair_file,
        solana_rpc_client::nonblocking::rpc_client::RpcClient,
        solana_tpu_client_next::{
            client_builder::{Client, ClientBuilder, TransactionSender},
            leader_updater::LeaderUpdater,
        },
        std::{
            io,
            net::{Ipv4Addr, SocketAddr, UdpSocket},
            path::Path,
            thread,
            time::Duration,
        },
    };

    /// The leader of every slot: the only node.
    struct OnlyLeader(SocketAddr);

    #[async_trait]
    impl LeaderUpdater for OnlyLeader {
        fn next_leaders(&mut self, _: usize) -> Vec<SocketAddr> {
            vec![self.0]
        }

        async fn stop(&mut self) {}
    }

    /// Whether this machine says that nobody listens at an address: it answers the first datagram so, and the second is not sent.
    fn is_refused(address: SocketAddr) -> io::Result<bool> {
        let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        probe.connect(address)?;
        for _ in 0..2 {
            match probe.send(&[0]) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(true),
                sent => sent?,
            };
            thread::sleep(Duration::from_millis(50));
        }
        Ok(false)
    }

    /// A connection to a node's TPU.
    pub(in crate::load) struct Tpu {
        sender: TransactionSender,
        /// Holds the connection.
        _client: Client,
    }

    impl Tpu {
        /// Connects to the TPU of the only node of a network, as the validator whose key the file has. A TPU takes about 200
        /// transactions a second from a connection without stake.
        ///
        /// # Errors
        /// Where the RPC server names no TPU, or several, or the file has no key.
        pub async fn connect(rpc_url: &str, identity: Option<&Path>, in_flight: usize) -> Result<Self, LoadError> {
            let refuse = |cause: String| {
                LoadError::Options(format!(
                    "{rpc_url} has no TPU to send to: {cause}; leave `--tpu` out, or start a node with `--engine agave`"
                ))
            };
            let nodes = RpcClient::new(rpc_url.to_string()).get_cluster_nodes().await;
            let nodes = nodes.map_err(|error| refuse(error.to_string()))?;
            let addresses: Vec<SocketAddr> = nodes.iter().filter_map(|node| node.tpu_quic).collect();
            let [address] = addresses.as_slice() else {
                return Err(refuse(format!("its network has {} nodes with one", addresses.len())));
            };
            if is_refused(*address).map_err(|error| refuse(error.to_string()))? {
                return Err(refuse(format!("nobody listens at {address}, which it names")));
            }
            let identity = identity.map(|path| {
                let unreadable = |error| LoadError::Options(format!("{} is no key file: {error}", path.display()));
                read_keypair_file(path).map_err(unreadable)
            });
            let identity = identity.transpose()?;
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| refuse(error.to_string()))?;
            let (sender, client) = ClientBuilder::new(Box::new(OnlyLeader(*address)))
                .bind_socket(socket)
                .identity(identity.as_ref())
                .leader_send_fanout(1)
                // What does not fit is dropped, and sent again only seconds later.
                .sender_channel_size(2 * in_flight)
                .build()
                .map_err(|error| refuse(error.to_string()))?;
            Ok(Self { sender, _client: client })
        }

        /// Sends a transaction. No answer comes: only the chain tells what became of it.
        pub async fn send(&self, transaction: &VersionedTransaction) {
            // Both fail only where there is nobody left to send: then nothing lands, which the caller sees.
            if let Ok(wire) = serialize(transaction) {
                let _ = self.sender.send_transaction(wire).await;
            }
        }
    }
}
