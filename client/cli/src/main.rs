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
    clap::{
        Command, CommandFactory, FromArgMatches,
        error::{ContextKind, ContextValue, ErrorKind},
    },
    command::Cli,
    failure::Failure,
    output::{Output, OutputFormat},
    std::{
        ffi::{OsStr, OsString},
        io,
        process::ExitCode,
    },
};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse_arguments(&error, &arguments),
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

/// Reads the arguments.
fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = tolerant(Cli::command());
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Words in any case, and numbers with a sign: the value itself, not the parser of options, says why it is refused.
fn tolerant(command: Command) -> Command {
    let tolerate = |arg: clap::Arg| match arg.get_action().takes_values() {
        true => arg.ignore_case(true).allow_negative_numbers(true),
        false => arg,
    };
    command.mut_args(tolerate).mut_subcommands(tolerant)
}

/// Prints help, the version, or why arguments are refused; in JSON if the arguments ask for JSON.
fn refuse_arguments(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        return match error.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
    }
    // The parser takes it for a cluster of short options.
    let is_negative =
        matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(option)) if has_minus_sign(option));
    let failure = match (error.kind(), arguments.iter().filter_map(|it| it.to_str()).find(|text| has_minus_sign(text)))
    {
        (ErrorKind::UnknownArgument, Some(negative)) if is_negative => Failure::usage(format!(
            "'{negative}' has a minus sign, and energy, money and times are never negative; leave the sign out"
        )),
        (ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, _) if wants_json(arguments) => {
            Failure::usage("no command is named; `multibus --help` lists them")
        }
        _ if wants_json(arguments) => {
            let text = error.to_string();
            Failure::usage(text.trim().strip_prefix("error: ").unwrap_or(&text).trim())
        }
        _ => {
            // There is nobody to tell if the standard error cannot be written.
            let _ = error.print();
            return ExitCode::from(2);
        }
    };
    let format = if wants_json(arguments) { OutputFormat::Json } else { OutputFormat::Text };
    Output { format, quiet: true }.print_failure(&failure);
    failure.exit_code()
}

/// Whether a text is a value with a minus sign, such as `-5kWh`.
fn has_minus_sign(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|character: char| character.is_ascii_digit()))
}

/// Whether the arguments ask for JSON, as far as they can be told.
fn wants_json(arguments: &[OsString]) -> bool {
    let is = |argument: &OsString, text: &str| argument.eq_ignore_ascii_case(OsStr::new(text));
    arguments.iter().any(|argument| is(argument, "--output=json"))
        || arguments.windows(2).any(|pair| pair[0] == "--output" && is(&pair[1], "json"))
}

#[cfg(test)]
mod tests {
    use {super::*, clap::Parser};

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
        tolerant(Cli::command()).debug_assert();
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
        let wants = |text: &str| wants_json(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wants("multibus --output json nonsense"));
        assert!(wants("multibus nonsense --output=json"));
        assert!(wants("multibus --output JSON nonsense"));
        assert!(!wants("multibus --output text json"));
    }
}
