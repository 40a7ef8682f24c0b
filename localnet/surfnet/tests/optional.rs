//! What needs nine hundred crates is compiled only for those who ask for it.

#[test]
fn what_the_engine_needs_is_optional() {
    let manifest = include_str!("../Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").expect("the engine names its dependencies");
    let (dependencies, _) = dependencies.split_once("\n\n").expect("another section follows");
    let (_, engine) = manifest.split_once("\nengine = ").expect("the engine is a feature");
    let engine = engine.lines().next().unwrap_or_default();
    let lines: Vec<_> = dependencies.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let name = line.split('=').next().unwrap_or_default().trim();
        assert!(line.contains("optional = true"), "{name} is compiled for everybody");
        assert!(engine.contains(&format!("\"dep:{name}\"")), "the feature `engine` lacks {name}");
    }
}
