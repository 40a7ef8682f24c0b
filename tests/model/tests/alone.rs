//! The model is worth something only as long as it is nobody's copy.

#[test]
fn the_model_shares_no_code_with_the_program() {
    let manifest = include_str!("../Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").expect("the model names its dependencies");
    let names: Vec<_> = dependencies.lines().filter_map(|line| Some(line.split_once('=')?.0.trim())).collect();
    assert!(names.contains(&"solana-address"), "{names:?}");
    for name in names {
        assert!(!name.starts_with("multibus") && !name.starts_with("anchor"), "the model depends on {name}");
    }
}
