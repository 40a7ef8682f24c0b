//! The linker of the program's build. It decides whether LLVM's diagnostics are harmless.
//!
//! rustc runs a copy of xtask under the name [`NAME`] as its linker. It runs `sbpf-linker`, which compiles the
//! program's bitcode with LLVM 22's BPF backend. That backend reports as an error every call to memcpy, memmove, memset
//! or memcmp, although it emits the call, and the functions are linked in (compiler-builtins-mem). Every *other*
//! diagnostic means wrong code: "stack arguments are not supported" and "too many arguments" drop arguments, "only
//! small returns supported" returns zeros. So the linker is told not to stop at errors, and this module decides.

use std::{
    env,
    ffi::OsString,
    process::{Command, ExitCode},
};

/// The name under which xtask is the linker.
pub const NAME: &str = "multibus-sbf-link";
/// The variable that holds the path of `sbpf-linker`.
pub const LINKER: &str = "MULTIBUS_SBPF_LINKER";
/// The variable that holds a directory with LLVM's library and nothing else: `sbpf-linker` tries every `libLLVM*` there.
pub const LLVM_DIR: &str = "MULTIBUS_SBPF_LLVM_DIR";

/// What `sbpf-linker` gets besides rustc's arguments.
///
/// The backend has no stack arguments: a function of more than five arguments must be inlined, hence the threshold.
/// `#[inline(never)]` keeps a function that many places call from being repeated in each. The scheduler, which this backend
/// leaves out, keeps more values in its ten registers.
pub const ARGS: &[&str] = &[
    "--fatal-errors=false",
    "--deploy=false",
    "--disable-math-builtins",
    "--export=memcpy,memmove,memset,memcmp",
    "--llvm-args=-bpf-stack-size=4096",
    "--llvm-args=-inline-threshold=3000",
    "--llvm-args=-enable-misched",
];

/// Called by rustc. Exits with failure unless everything the linker said is harmless.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(linker), Some(llvm)) = (env::var_os(LINKER), env::var_os(LLVM_DIR)) else {
        eprintln!("error: {NAME} is run by `cargo xtask build`, which sets {LINKER} and {LLVM_DIR}");
        return ExitCode::FAILURE;
    };
    let output = match Command::new(&linker).args(args).args(ARGS).env("LD_LIBRARY_PATH", llvm).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("error: could not start {}: {error}", linker.to_string_lossy());
            return ExitCode::FAILURE;
        }
    };
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    match judge(output.status.success(), &text) {
        Verdict::Sound => ExitCode::SUCCESS,
        Verdict::Refused(lines) => {
            for line in &lines {
                eprintln!("error: {line}");
                if let Some(advice) = advice(line) {
                    eprintln!("  help: {advice}");
                }
            }
            if !output.status.success() {
                eprintln!("{text}\nerror: sbpf-linker ended with {}", output.status);
            }
            ExitCode::FAILURE
        }
    }
}

/// Whether the linked program can be trusted.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Sound,
    /// The program is wrong; these diagnostics say why (none if the linker failed).
    Refused(Vec<String>),
}

fn judge(success: bool, output: &str) -> Verdict {
    let refused: Vec<String> =
        output.lines().filter(|line| is_error(line) && !is_harmless(line)).map(|line| line.trim().to_owned()).collect();
    if success && refused.is_empty() { Verdict::Sound } else { Verdict::Refused(refused) }
}

/// Diagnostics that mean wrong code, whatever their level.
const WRONG_CODE: &[(&str, &str)] = &[
    (
        "stack arguments are not supported",
        "a function of more than five arguments was not inlined: pass a struct by reference, or mark it #[inline(always)]",
    ),
    (
        "too many arguments",
        "a function of more than five arguments was not inlined: pass a struct by reference, or mark it #[inline(always)]",
    ),
    (
        "only small returns supported",
        "128-bit multiplication or division, a checked 64-bit multiplication, or a float: compute it in 32-bit limbs",
    ),
    ("stack limit", "a frame is larger than 4,096 bytes: keep large values in accounts or behind references"),
];

fn is_error(line: &str) -> bool {
    let lower = line.to_lowercase();
    lower.contains("error:")
        || line.contains("ERROR")
        || lower.contains("panicked at")
        || lower.contains("unsupported")
        || WRONG_CODE.iter().any(|(phrase, _)| lower.contains(phrase))
}

/// The one wrong diagnostic: the call is emitted, and the function is linked in.
fn is_harmless(line: &str) -> bool {
    ["memcpy", "memmove", "memset", "memcmp"]
        .iter()
        .any(|name| line.contains(&format!("A call to built-in function '{name}' is not supported")))
}

fn advice(line: &str) -> Option<&'static str> {
    let lower = line.to_lowercase();
    WRONG_CODE.iter().find(|(phrase, _)| lower.contains(phrase)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARMLESS: &str = "ERROR llvm: <unknown>:0:0: in function entrypoint i64 (ptr): A call to built-in function 'memcpy' is not supported.";

    fn refused(output: &str) -> Vec<String> {
        match judge(true, output) {
            Verdict::Sound => panic!("accepted: {output}"),
            Verdict::Refused(lines) => lines,
        }
    }

    #[test]
    fn silence_is_sound() {
        assert_eq!(judge(true, ""), Verdict::Sound);
    }

    #[test]
    fn calls_to_memory_builtins_are_harmless() {
        for name in ["memcpy", "memmove", "memset", "memcmp"] {
            assert_eq!(judge(true, &HARMLESS.replace("memcpy", name)), Verdict::Sound, "{name}");
        }
    }

    #[test]
    fn calls_to_other_builtins_are_refused() {
        for name in ["__multi3", "memccpy", "__udivti3", "strlen"] {
            assert_eq!(refused(&HARMLESS.replace("memcpy", name)).len(), 1, "{name}");
        }
    }

    #[test]
    fn diagnostics_of_wrong_code_are_refused_however_marked() {
        for phrase in ["stack arguments are not supported", "too many arguments", "only small returns supported"] {
            for mark in ["ERROR llvm: in function f: ", "error: ", "WARN llvm: ", "warning: ", ""] {
                let line = format!("{mark}{phrase}");
                assert_eq!(refused(&line), vec![line.clone()]);
                assert!(advice(&line).is_some(), "{line}");
            }
        }
    }

    #[test]
    fn one_refused_among_many_harmless_is_found() {
        let output = format!("{HARMLESS}\n{HARMLESS}\nerror: too many arguments\n{HARMLESS}");
        assert_eq!(refused(&output), ["error: too many arguments"]);
    }

    #[test]
    fn unknown_errors_are_refused() {
        for line in [
            "error: something never seen before",
            "ERROR llvm: something never seen before",
            "LLVM ERROR: Cannot select: t1",
            "thread 'main' panicked at src/lib.rs:1:1",
            "Error: unsupported relocation",
        ] {
            assert_eq!(refused(line), [line]);
        }
    }

    #[test]
    fn failure_is_refused_even_when_all_it_said_is_harmless() {
        assert_eq!(judge(false, HARMLESS), Verdict::Refused(vec![]));
    }

    #[test]
    fn other_chatter_passes() {
        assert_eq!(judge(true, "INFO linking 3 modules\nWARN nothing to do"), Verdict::Sound);
    }
}
