//! `idl/README.md`: the program's instructions, accounts, events, types, errors and constants, written from its IDL.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

const HEAD: &str = "# The program

`cargo xtask idl` writes this page from the program's [IDL](multibus.json). [The reference](../docs/reference.md) explains units,
hashes, nonces and limits. The accounts of an instruction are listed in their order; `w` marks those that it writes, `s`
those that must sign.

[Instructions](#instructions) | [Accounts](#accounts) | [Events](#events) | [Types](#types) | [Constants](#constants) |
[Errors](#errors)
";

/// Where the constants are declared, whose doc comments the IDL leaves out.
pub const CONSTANTS: &str = "programs/multibus/src/constants.rs";

/// The page for an IDL and the source of its constants.
pub fn page(idl: &[u8], constants: &str) -> Result<String> {
    let idl: Value = serde_json::from_slice(idl).context("the IDL is not JSON")?;
    let mut out = HEAD.to_owned();
    out.push_str("\n## Instructions\n");
    let mut instructions: Vec<&Value> = list(&idl, "instructions")?.iter().collect();
    instructions.sort_by_key(|instruction| instruction["discriminator"][0].as_u64());
    for instruction in instructions {
        write!(out, "\n### {}\n\n{}\n", text(instruction, "name")?, docs(instruction))?;
        write!(out, "\nDiscriminator: {}.", instruction["discriminator"][0])?;
        let args = list(instruction, "args")?;
        if !args.is_empty() {
            let args = args.iter().map(|arg| Ok(format!("`{}`: {}", text(arg, "name")?, kind(&arg["type"])?)));
            write!(out, " Arguments: {}.", args.collect::<Result<Vec<_>>>()?.join(", "))?;
        }
        out.push_str("\n\n| account | | |\n| --- | --- | --- |\n");
        for account in list(instruction, "accounts")? {
            let marks = [("writable", "w"), ("signer", "s")];
            let marks: Vec<_> = marks.iter().filter(|(flag, _)| account[flag] == true).map(|(_, mark)| *mark).collect();
            writeln!(out, "| `{}` | {} | {} |", text(account, "name")?, marks.join(" "), docs(account))?;
        }
    }
    let (accounts, events) = (list(&idl, "accounts")?, list(&idl, "events")?);
    let is_one_of = |ty: &Value, named: &[Value]| named.iter().any(|one| one["name"] == ty["name"]);
    type Belongs<'a> = &'a dyn Fn(&Value) -> bool;
    let sections: [(&str, Belongs); 3] = [
        ("Accounts", &|ty| is_one_of(ty, accounts)),
        ("Events", &|ty| is_one_of(ty, events)),
        ("Types", &|ty| !is_one_of(ty, accounts) && !is_one_of(ty, events)),
    ];
    for (title, belongs) in sections {
        write!(out, "\n## {title}\n")?;
        for ty in list(&idl, "types")?.iter().filter(|ty| belongs(ty)) {
            write_type(&mut out, ty)?;
        }
    }
    out.push_str("\n## Constants\n\n| name | value | meaning |\n| --- | --- | --- |\n");
    for constant in list(&idl, "constants")? {
        let name = text(constant, "name")?;
        writeln!(out, "| `{name}` | {} | {} |", value(constant)?, comment(constants, name)?)?;
    }
    out.push_str("\n## Errors\n\n| code | name | what went wrong; what to do |\n| ---: | --- | --- |\n");
    for error in list(&idl, "errors")? {
        writeln!(out, "| {} | `{}` | {} |", error["code"], text(error, "name")?, text(error, "msg")?)?;
    }
    Ok(out)
}

/// A struct with its fields, or an enum with its variants.
fn write_type(out: &mut String, ty: &Value) -> Result<()> {
    write!(out, "\n### {}\n\n{}\n\n", text(ty, "name")?, docs(ty))?;
    if ty["type"]["kind"] == "enum" {
        for (number, variant) in list(&ty["type"], "variants")?.iter().enumerate() {
            let fields = variant["fields"].as_array().map_or(&[][..], Vec::as_slice);
            let fields =
                fields.iter().map(|field| Ok(format!("`{}`: {}", text(field, "name")?, kind(&field["type"])?)));
            let fields = fields.collect::<Result<Vec<_>>>()?.join(", ");
            writeln!(
                out,
                "- {number} `{}`{}{fields}",
                text(variant, "name")?,
                if fields.is_empty() { "" } else { ": " }
            )?;
        }
        return Ok(());
    }
    out.push_str("| field | type | |\n| --- | --- | --- |\n");
    for field in list(&ty["type"], "fields")? {
        writeln!(out, "| `{}` | {} | {} |", text(field, "name")?, kind(&field["type"])?, docs(field))?;
    }
    Ok(())
}

/// The type of a field or an argument, as a reader of Rust writes it.
fn kind(ty: &Value) -> Result<String> {
    if let Some(name) = ty.as_str() {
        return Ok(if name == "pubkey" { "address".to_owned() } else { name.to_owned() });
    }
    if let Some(name) = ty["defined"]["name"].as_str() {
        return Ok(format!("[{name}](#{})", name.to_lowercase()));
    }
    if let Some([item, length]) = ty["array"].as_array().map(Vec::as_slice) {
        return Ok(format!("{length} x {}", kind(item)?));
    }
    if !ty["option"].is_null() {
        return Ok(format!("{}, or none", kind(&ty["option"])?));
    }
    match &ty["vec"] {
        Value::Null => anyhow::bail!("the IDL has a type that this page does not know: {ty}"),
        item => Ok(format!("list of {}", kind(item)?)),
    }
}

/// The value of a constant: its number, or its bytes as text.
fn value(constant: &Value) -> Result<String> {
    let value = text(constant, "value")?;
    let Ok(bytes) = serde_json::from_str::<Vec<u8>>(value) else {
        return Ok(value.to_owned());
    };
    Ok(format!("`\"{}\"`", String::from_utf8(bytes).with_context(|| format!("{value} is not text"))?))
}

/// The doc comment of a constant, in one line.
fn comment(source: &str, name: &str) -> Result<String> {
    let (above, _) =
        source.split_once(&format!("pub const {name}:")).with_context(|| format!("{CONSTANTS} has no {name}"))?;
    let comment: Vec<_> = above.lines().rev().skip(1).map_while(|line| line.strip_prefix("/// ")).collect();
    anyhow::ensure!(!comment.is_empty(), "{CONSTANTS}: {name} has no doc comment; write one");
    Ok(comment.into_iter().rev().collect::<Vec<_>>().join(" ").replace('|', "\\|"))
}

/// Doc comments in one line, with links between Rust items reduced to their names.
fn docs(of: &Value) -> String {
    let lines = of["docs"].as_array().map_or(&[][..], Vec::as_slice);
    let text = lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let mut shown = String::new();
    for (index, part) in text.split("[`").enumerate() {
        match part.split_once("`]") {
            Some((name, rest)) if index > 0 => {
                let rest = rest.strip_prefix('(').and_then(|link| link.split_once(')')).map_or(rest, |(_, rest)| rest);
                let _ = write!(shown, "`{name}`{rest}");
            }
            _ => shown.push_str(part),
        }
    }
    shown.replace('|', "\\|")
}

fn list<'a>(of: &'a Value, name: &str) -> Result<&'a [Value]> {
    of[name]
        .as_array()
        .map(Vec::as_slice)
        .with_context(|| format!("the IDL has no list of {name} where one belongs: {of}"))
}

fn text<'a>(of: &'a Value, name: &str) -> Result<&'a str> {
    of[name].as_str().with_context(|| format!("the IDL has no {name} where one belongs: {of}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_an_idl_is_on_the_page() {
        let idl = br#"{
            "instructions": [
                {"name": "close", "discriminator": [2], "args": [], "accounts": [{"name": "bus"}]},
                {"name": "open", "discriminator": [1], "docs": ["Opens.", "See [`Bus`](crate::Bus), [`Bus::x`]."],
                 "args": [{"name": "shares", "type": {"vec": {"defined": {"name": "Share"}}}}],
                 "accounts": [{"name": "wallet", "writable": true, "signer": true, "docs": ["Pays."]}]}
            ],
            "accounts": [{"name": "Bus"}], "events": [{"name": "Opened"}],
            "types": [
                {"name": "Bus", "type": {"kind": "struct", "fields": [{"name": "root", "type": {"array": ["u8", 32]}}]}},
                {"name": "Opened", "type": {"kind": "struct", "fields": [{"name": "by", "type": "pubkey"}]}},
                {"name": "Share", "type": {"kind": "enum", "variants": [
                    {"name": "None"}, {"name": "Of", "fields": [{"name": "bps", "type": "u16"}]}]}}
            ],
            "constants": [{"name": "TAG", "type": "bytes", "value": "[98, 117, 115]"}, {"name": "MOST", "type": "u8", "value": "9"}],
            "errors": [{"code": 6000, "name": "Full", "msg": "It is full; close one"}]
        }"#;
        let constants = "/// Seed of a bus:\n/// one.\n#[constant]\npub const TAG: &[u8] = b\"bus\";\n/// At most.\n#[constant]\npub const MOST: u8 = 9;\n";
        let page = page(idl, constants).unwrap();
        for part in [
            "### open\n\nOpens. See `Bus`, `Bus::x`.\n\nDiscriminator: 1. Arguments: `shares`: list of [Share](#share).",
            "| `wallet` | w s | Pays. |",
            "| `root` | 32 x u8 |",
            "| `by` | address |",
            "- 0 `None`\n- 1 `Of`: `bps`: u16\n",
            "| `TAG` | `\"bus\"` | Seed of a bus: one. |\n| `MOST` | 9 | At most. |",
            "| 6000 | `Full` | It is full; close one |",
        ] {
            assert!(page.contains(part), "no {part:?} in:\n{page}");
        }
        assert!(page.find("### open") < page.find("### close"), "instructions are in the order of their numbers");
        assert_eq!(kind(&serde_json::json!({"option": "pubkey"})).unwrap(), "address, or none");
        assert!(kind(&serde_json::json!({"set": "u8"})).is_err());
    }
}
