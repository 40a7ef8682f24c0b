// What `anchor migrate` runs: the migration of this repository, against the cluster and with the wallet that Anchor was
// given. The network's name is found by its URL; MULTIBUS_CLUSTER names another of clusters.json, and
// MULTIBUS_MIGRATE_ARGS adds arguments such as `--mainnet`.

const { spawnSync } = require('node:child_process');
const { dirname } = require('node:path');

const clusters = require('./clusters.json');

module.exports = function (provider) {
  const url = provider.connection.rpcEndpoint;
  const named = Object.keys(clusters).find((name) => clusters[name].url === url);
  const network = process.env.MULTIBUS_CLUSTER ?? named ?? 'localnet';
  const more = (process.env.MULTIBUS_MIGRATE_ARGS ?? '').split(' ').filter(Boolean);
  const args = ['xtask', 'migrate', '--', network, '--url', url, '--keypair', process.env.ANCHOR_WALLET, ...more];
  const { error, status } = spawnSync('cargo', args, { cwd: dirname(__dirname), stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
};
