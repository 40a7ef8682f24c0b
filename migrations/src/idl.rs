//! The published IDL. Anchor's tools keep IDLs in the Program Metadata program, at an address derived from the
//! program's; the upgrade authority writes them. This module reads and compares the IDL. It is written by the npm
//! client of the Program Metadata program, in the version that the Anchor CLI uses, so that `anchor idl fetch` finds
//! it.

use {
    anyhow::{Context, Result, bail, ensure},
    flate2::read::{GzDecoder, ZlibDecoder},
    multibus_client::chain::Chain,
    serde_json::Value,
    solana_address::Address,
    solana_cli_config::Config,
    std::{
        fs,
        io::Read,
        path::Path,
        process::{Command, Stdio},
        sync::Arc,
    },
};

/// The Program Metadata program.
pub const METADATA_PROGRAM: Address = Address::from_str_const("ProgM6JCCvbYkfKqJYHePx4xxSUSqJp7rh8Lyv7nk7S");
/// Its client on npm, in the version that the Anchor CLI 2.0.0-rc.2 calls.
pub const METADATA_CLIENT: &str = "@solana-program/program-metadata@0.5.1";
/// Where the Solana CLI keeps its configuration, in the home folder.
const SOLANA_CONFIG: &str = ".config/solana/cli/config.yml";
/// What IDLs are published under.
const SEED: &[u8; 16] = b"idl\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// Length of the header of published metadata, in bytes.
const HEADER: usize = 96;
/// The longest IDL that is read, in bytes: compressed data could expand without bound.
const MAX_IDL: u64 = 16 << 20;

/// What is published for a program.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// The network has no Program Metadata program.
    Unsupported,
    /// Nothing.
    Absent,
    /// An upload that was not finished.
    Unfinished,
    /// An IDL.
    Idl(Value),
}

/// Where a program's IDL is published.
pub fn address(program: &Address) -> Address {
    Address::find_program_address(&[program.as_ref(), SEED], &METADATA_PROGRAM).0
}

/// Reads what is published for a program.
pub async fn read(chain: &Arc<dyn Chain>, program: &Address) -> Result<Published> {
    let accounts = chain.accounts(&[METADATA_PROGRAM, address(program)]).await?;
    match (&accounts[0], &accounts[1]) {
        (None, _) => Ok(Published::Unsupported),
        (_, None) => Ok(Published::Absent),
        (_, Some(account)) if account.owner != METADATA_PROGRAM => Ok(Published::Absent),
        (_, Some(account)) => parse(&account.data),
    }
}

/// Reads an account of the Program Metadata program.
pub fn parse(data: &[u8]) -> Result<Published> {
    const BUFFER: u8 = 1;
    const METADATA: u8 = 2;
    match data.first() {
        None | Some(&0) => return Ok(Published::Absent),
        Some(&BUFFER) => return Ok(Published::Unfinished),
        Some(&METADATA) if data.len() >= HEADER => {}
        _ => bail!("it is not an account of the Program Metadata program that can be read"),
    }
    let [encoding, compression, format, source] = [data[83], data[84], data[85], data[86]];
    ensure!(
        (encoding, format, source) == (1, 1, 0),
        "the published IDL is no JSON in UTF-8 (encoding {encoding}, format {format}, source {source}); it was published \
         by other tools, close it with them first"
    );
    let length = u32::from_le_bytes([data[87], data[88], data[89], data[90]]) as usize;
    let packed = data.get(HEADER..HEADER + length).context("the published IDL is shorter than it says")?;
    let mut text = String::new();
    match compression {
        0 => packed.take(MAX_IDL).read_to_string(&mut text),
        1 => GzDecoder::new(packed).take(MAX_IDL).read_to_string(&mut text),
        2 => ZlibDecoder::new(packed).take(MAX_IDL).read_to_string(&mut text),
        other => bail!("the published IDL is compressed in an unknown way ({other})"),
    }
    .context("the published IDL cannot be unpacked")?;
    Ok(Published::Idl(serde_json::from_str(&text).context("the published IDL is not JSON")?))
}

/// Publishes an IDL through the Program Metadata program's own client. The wallet must be the upgrade authority.
pub fn publish(
    url: &str,
    websocket_url: &str,
    wallet: &Path,
    priority_fee: u64,
    program: &Address,
    idl: &Value,
    unfinished: bool,
) -> Result<()> {
    let folder = tempfile::tempdir().context("could not make a temporary folder")?;
    let file = folder.path().join("idl.json");
    fs::write(&file, serde_json::to_string(idl)?).with_context(|| format!("could not write {}", file.display()))?;
    // The client reads the WebSocket's URL only from the Solana CLI's configuration, which may be of another network.
    let config = folder.path().join(SOLANA_CONFIG);
    let settings =
        Config { json_rpc_url: url.to_owned(), websocket_url: websocket_url.to_owned(), ..Config::default() };
    settings.save(&config.to_string_lossy()).with_context(|| format!("could not write {}", config.display()))?;
    let client = |words: &[&str]| -> Result<()> {
        let mut command = Command::new("npx");
        command.args(["--yes", &format!("--package={METADATA_CLIENT}"), "--", "program-metadata", "--rpc", url]);
        command.arg("--keypair").arg(wallet).env("HOME", folder.path());
        if let Some(home) = std::env::home_dir() {
            // npm itself keeps the user's home folder.
            command.env("NPM_CONFIG_USERCONFIG", home.join(".npmrc")).env("NPM_CONFIG_CACHE", home.join(".npm"));
        }
        if priority_fee > 0 {
            command.args(["--priority-fees", &priority_fee.to_string()]);
        }
        let status = command
            .args(words)
            .stdin(Stdio::null())
            .status()
            .context("publishing the IDL needs Node with npx, and `npx` could not be started")?;
        ensure!(status.success(), "`program-metadata {}` failed ({status}); run this again", words.join(" "));
        Ok(())
    };
    let program = program.to_string();
    if unfinished {
        client(&["close", "idl", &program])?;
    }
    client(&["write", "idl", &program, &file.to_string_lossy()])
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        flate2::{Compression, write::ZlibEncoder},
        serde_json::json,
        std::io::Write,
    };

    fn account(discriminator: u8, compression: u8, packed: &[u8]) -> Vec<u8> {
        let mut data = vec![0; HEADER];
        data[0] = discriminator;
        [data[83], data[84], data[85]] = [1, compression, 1];
        data[87..91].copy_from_slice(&(packed.len() as u32).to_le_bytes());
        data.extend_from_slice(packed);
        data
    }

    /// Made with `getMetadataEncoder` and `packDirectData` of the client on npm, [`METADATA_CLIENT`].
    const WRITTEN_BY_ITS_CLIENT: &str = "02a2207bea674bf118a7037a2d964d1f8d174b666408a8808995c7a054e82a59830000000000000000000000000000000000\
        000000000000000000000000000000010169646c0000000000000000000000000001020100170000000000000000789cab56\
        4a4c49294a2d2e56b252aa50aa05002a660519";

    #[test]
    fn what_its_own_client_writes_is_read_at_its_address() {
        let digit = |at: usize| u8::from_str_radix(&WRITTEN_BY_ITS_CLIENT[at..at + 2], 16).unwrap();
        let data: Vec<u8> = (0..WRITTEN_BY_ITS_CLIENT.len()).step_by(2).map(digit).collect();
        assert_eq!(parse(&data).unwrap(), Published::Idl(json!({ "address": "x" })));
        let program = "Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi".parse().unwrap();
        assert_eq!(address(&program).to_string(), "HRAEjdi2ZPsHbJTCW4Hc9gdbts7s9u6kBsEeL9AbqcnH");
    }

    #[test]
    fn published_idls_are_read() {
        let idl = json!({ "address": "x", "instructions": [] });
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(idl.to_string().as_bytes()).unwrap();
        let zlib = zlib.finish().unwrap();
        assert_eq!(parse(&account(2, 2, &zlib)).unwrap(), Published::Idl(idl.clone()));
        assert_eq!(parse(&account(2, 0, idl.to_string().as_bytes())).unwrap(), Published::Idl(idl));
        assert_eq!(parse(&account(1, 0, b"")).unwrap(), Published::Unfinished);
        assert_eq!(parse(&[]).unwrap(), Published::Absent);
        assert!(parse(&account(2, 7, &zlib)).unwrap_err().to_string().contains("unknown way"));
        assert!(parse(&account(2, 2, &zlib)[..HEADER + 3]).is_err());
        let mut yaml = account(2, 2, &zlib);
        yaml[85] = 2;
        assert!(parse(&yaml).unwrap_err().to_string().contains("format 2"));
    }
}
