//! The program's instructions, as its IDL has them.

/// An instruction of the IDL.
pub(super) struct Instruction {
    pub name: String,
    pub signs: bool,
    pub accounts: Vec<String>,
}

/// Names of the instructions of an IDL, by their number.
pub(super) fn names(idl: &str) -> Vec<String> {
    instructions(idl).into_iter().map(|one| one.name).collect()
}

/// The instructions of an IDL, by their number.
pub(super) fn instructions(idl: &str) -> Vec<Instruction> {
    let idl: serde_json::Value = serde_json::from_str(idl).expect("the IDL is JSON");
    let list = idl["instructions"].as_array().expect("an IDL has instructions");
    let mut found: Vec<(u64, Instruction)> = list
        .iter()
        .map(|one| {
            let name = one["name"].as_str().expect("an instruction has a name").to_owned();
            let accounts = one["accounts"].as_array().expect("an instruction has accounts");
            let signs = accounts.iter().any(|account| account["signer"] == true);
            let accounts = accounts.iter().filter_map(|account| account["name"].as_str()).map(str::to_owned).collect();
            let number = one["discriminator"][0].as_u64().expect("an instruction has a number");
            (number, Instruction { name, signs, accounts })
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, instruction)| instruction).collect()
}
