//! `multibus completions`.

use {
    super::Cli,
    crate::failure::Failure,
    clap::{Args, CommandFactory},
    clap_complete::Shell,
    std::io::{self, ErrorKind, Write},
};

/// Print the completions for a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus completions bash
  multibus completions zsh
  multibus completions fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the completions.
///
/// # Errors
/// Where the standard output cannot be written.
pub fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "multibus", &mut script);
    match io::stdout().lock().write_all(&script) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
