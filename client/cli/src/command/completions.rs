//! `multibus completions`.

use {
    crate::failure::Failure,
    clap::{Args, Command},
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

/// Prints the completions of the whole command line.
///
/// # Errors
/// Where the standard output cannot be written.
pub fn run(args: &CompletionsArgs, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "multibus", &mut script);
    match io::stdout().lock().write_all(&script) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
