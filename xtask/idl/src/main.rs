//! Writes the IDL of the program in a directory to a file: what `anchor idl build` makes, without the Anchor CLI, and the
//! enums that the program's accounts and events hold as numbers.
//!
//! `cargo xtask idl` runs this with the environment that the builder needs. It is a crate of its own because xtask must
//! compile in seconds.

use std::{env, fs, path::PathBuf};

use anchor_lang_idl::{
    build::IdlBuilder,
    types::{IdlEnumVariant, IdlSerialization, IdlType, IdlTypeDef, IdlTypeDefTy},
};
use anyhow::{Context, Result};
use multibus::{numbered::NumberedEnum, state::NUMBERED_ENUMS};

fn main() -> Result<()> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let program = args.next().context("name the directory of the program's Cargo.toml")?;
    let out = args.next().context("name the file to write")?;
    let cargo = ["--lib", "--locked", "--ignore-rust-version"].map(str::to_owned).to_vec();
    let mut idl = IdlBuilder::new().program_path(program).cargo_args(cargo).build()?;
    // Lengths are `usize` in Rust, which the IDL has no type for: the builder takes it for a type of the program.
    for constant in &mut idl.constants {
        if matches!(&constant.ty, IdlType::Defined { name, .. } if name == "usize") {
            constant.ty = IdlType::U64;
        }
    }
    idl.types.extend(NUMBERED_ENUMS.iter().map(numbered_type));
    idl.types.sort_by(|a, b| a.name.cmp(&b.name));
    let json = serde_json::to_string_pretty(&idl)? + "\n";
    fs::write(&out, json).with_context(|| format!("could not write {}", out.display()))
}

/// An enum whose numbers are in the program's accounts and events.
fn numbered_type(NumberedEnum { name, docs, variants }: &NumberedEnum) -> IdlTypeDef {
    IdlTypeDef {
        name: (*name).to_owned(),
        docs: docs.iter().map(|line| line.trim().to_owned()).collect(),
        serialization: IdlSerialization::default(),
        repr: None,
        generics: Vec::new(),
        ty: IdlTypeDefTy::Enum {
            variants: variants.iter().map(|name| IdlEnumVariant { name: (*name).to_owned(), fields: None }).collect(),
        },
    }
}
