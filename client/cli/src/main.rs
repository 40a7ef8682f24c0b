//! `multibus`: the command line of the market.

mod command;
mod config;
mod failure;
mod output;
mod session;
mod terms;
mod tokens;
mod value;
mod view;

use {
    clap::{Parser, error::ErrorKind},
    command::Cli,
    failure::Failure,
    output::{Output, OutputFormat},
    std::process::ExitCode,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse_arguments(error),
    };
    let output = Output { format: cli.global.output, quiet: cli.global.quiet };
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command::run(cli, output)),
        Err(error) => Err(Failure::sentence(format!("the program cannot start its threads: {error}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.print_failure(&failure);
            failure.exit_code()
        }
    }
}

/// Prints help, the version, or why arguments are refused; in JSON if the arguments ask for JSON.
fn refuse_arguments(error: clap::Error) -> ExitCode {
    let is_refusal = error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !is_refusal || !wants_json(std::env::args()) {
        let code = if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        return if error.print().is_ok() { code } else { ExitCode::FAILURE };
    }
    let text = error.to_string();
    let sentence = text.trim().strip_prefix("error: ").unwrap_or(&text).trim();
    let failure = Failure::usage(sentence);
    Output { format: OutputFormat::Json, quiet: true }.print_failure(&failure);
    failure.exit_code()
}

/// Whether the arguments ask for JSON, as far as they can be told.
fn wants_json(arguments: impl Iterator<Item = String>) -> bool {
    let arguments: Vec<_> = arguments.collect();
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        clap::{Command, CommandFactory},
    };

    /// Every command that has no subcommands, with its words.
    fn leaves(command: &Command, words: &str, found: &mut Vec<(String, Command)>) {
        let subcommands: Vec<_> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
        if subcommands.is_empty() {
            found.push((words.to_owned(), command.clone()));
        }
        for sub in subcommands {
            leaves(sub, &format!("{words} {}", sub.get_name()), found);
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example_and_every_example_parses() {
        let mut commands = Vec::new();
        leaves(&Cli::command(), "multibus", &mut commands);
        assert!(commands.len() >= 25, "{}", commands.len());
        for (words, command) in commands {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("`{words}` has no examples"));
            let mut of_this_verb = 0;
            assert!(examples.lines().all(|line| line.chars().count() <= 80), "`{words}`: {examples}");
            for example in examples.replace("\\\n", "").lines() {
                let example = example.trim();
                assert!(example.starts_with("multibus "), "`{words}`: {example}");
                let arguments: Vec<_> = example.split_whitespace().collect();
                let arguments = join_quoted(&arguments);
                if let Err(error) = Cli::try_parse_from(&arguments) {
                    panic!("`{example}`: {error}");
                }
                // The verb's words in their order; other arguments may stand between them.
                let mut rest = arguments.iter();
                of_this_verb += usize::from(words.split(' ').all(|word| rest.any(|argument| argument == word)));
            }
            assert!(of_this_verb > 0, "`{words}` shows no example of itself");
        }
    }

    /// Joins words between double quotes, as a shell does.
    fn join_quoted(words: &[&str]) -> Vec<String> {
        let mut joined: Vec<String> = Vec::new();
        let mut open = false;
        for word in words {
            let quotes = word.matches('"').count();
            let bare = word.replace('"', "");
            match joined.last_mut() {
                Some(last) if open => {
                    last.push(' ');
                    last.push_str(&bare);
                }
                _ => joined.push(bare),
            }
            open ^= quotes % 2 == 1;
        }
        joined
    }

    #[test]
    fn json_is_recognised_in_broken_arguments() {
        let wants = |text: &str| wants_json(text.split(' ').map(str::to_owned));
        assert!(wants("multibus --output json nonsense"));
        assert!(wants("multibus nonsense --output=json"));
        assert!(!wants("multibus --output text json"));
    }
}
