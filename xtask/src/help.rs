//! `cargo xtask --help`: the commands in groups, by what people want.

use std::fmt::Write;

use clap::Command;

/// Every command, once. A test compares this list with the commands that there are.
const GROUPS: [(&str, &[&str]); 5] = [
    ("First steps", &["setup", "demo", "app"]),
    ("Develop", &["build", "test", "tidy", "cu", "bench", "idl", "client-ts", "golden"]),
    ("Networks", &["localnet", "e2e", "load"]),
    ("Prove", &["soak", "fuzz", "attack-matrix", "planted", "mutants", "memcheck"]),
    ("Publish", &["audit", "hash", "migrate", "anchor"]),
];

/// Names of all commands.
pub fn commands() -> Vec<&'static str> {
    GROUPS.iter().flat_map(|(_, commands)| commands.iter().copied()).collect()
}

/// Replaces the one list of commands in a command's help.
pub fn in_groups(command: Command) -> Command {
    let mut groups = String::new();
    let header = command.get_styles().get_header();
    let name = command.get_styles().get_literal();
    for (heading, commands) in GROUPS {
        let _ = writeln!(groups, "{header}{heading}:{header:#}");
        for subcommand in commands.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = subcommand.get_about().cloned().unwrap_or_default();
            let _ = writeln!(groups, "  {name}{:<15}{name:#}{about}", subcommand.get_name());
        }
        groups.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_in_one_group() {
        let mut grouped = commands();
        let command = Cli::command();
        let mut known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        grouped.sort_unstable();
        known.sort_unstable();
        assert_eq!(grouped, known);
    }

    #[test]
    fn the_help_shows_every_group_with_its_commands() {
        let help = in_groups(Cli::command()).render_help().to_string();
        for (heading, names) in GROUPS {
            let (_, group) = help.split_once(&format!("{heading}:\n")).expect("every heading is shown");
            let (group, _) = group.split_once("\n\n").expect("an empty line ends a group");
            let shown: Vec<&str> = group.lines().filter_map(|line| line.split_whitespace().next()).collect();
            assert_eq!(shown, names);
        }
        assert!(help.contains("--help") && help.contains("MULTIBUS_CACHE"), "{help}");
    }
}
