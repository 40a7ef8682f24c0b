//! Writes the IDL of the program in a directory to a file: what `anchor idl build` makes, without the Anchor CLI, and the
//! enums that the program's accounts and events hold as numbers. Types inside accounts are marked as the accounts are, which
//! the builder leaves out.
//!
//! `cargo xtask idl` runs this with the environment that the builder needs. It is a crate of its own because xtask must
//! compile in seconds.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use anchor_lang_idl::{
    build::IdlBuilder,
    types::{
        IdlDefinedFields, IdlEnumVariant, IdlRepr, IdlReprModifier, IdlSerialization, IdlType, IdlTypeDef, IdlTypeDefTy,
    },
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
    mark_bytemuck(&mut idl.types);
    idl.types.extend(NUMBERED_ENUMS.iter().map(numbered_type));
    idl.types.sort_by(|a, b| a.name.cmp(&b.name));
    let json = serde_json::to_string_pretty(&idl)? + "\n";
    fs::write(&out, json).with_context(|| format!("could not write {}", out.display()))
}

/// Marks the types inside of bytemuck types as bytemuck types. The builder marks accounts and events alone, and
/// `declare_program!` does not compile with a bytemuck account whose parts are not.
fn mark_bytemuck(types: &mut [IdlTypeDef]) {
    loop {
        let parts: BTreeSet<String> = types
            .iter()
            .filter(|ty| ty.serialization == IdlSerialization::Bytemuck)
            .flat_map(|ty| parts_of(&ty.ty))
            .collect();
        let unmarked = |ty: &&mut IdlTypeDef| ty.serialization == IdlSerialization::Borsh && parts.contains(&ty.name);
        let found: Vec<&mut IdlTypeDef> = types.iter_mut().filter(unmarked).collect();
        if found.is_empty() {
            return;
        }
        for ty in found {
            ty.serialization = IdlSerialization::Bytemuck;
            ty.repr = Some(IdlRepr::C(IdlReprModifier { packed: false, align: None }));
        }
    }
}

/// Names of the types that a struct's fields have.
fn parts_of(ty: &IdlTypeDefTy) -> Vec<String> {
    let IdlTypeDefTy::Struct { fields: Some(IdlDefinedFields::Named(fields)) } = ty else { return Vec::new() };
    let name = |ty: &IdlType| {
        let mut ty = ty;
        while let IdlType::Array(of, _) = ty {
            ty = of;
        }
        match ty {
            IdlType::Defined { name, .. } => Some(name.clone()),
            _ => None,
        }
    };
    fields.iter().filter_map(|field| name(&field.ty)).collect()
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
