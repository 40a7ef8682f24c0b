//! Which branches of the built program were taken. This needs no instrumented build: the bytes that ship are executed,
//! and the chain traces the address of every instruction. Each conditional jump of the program has two branches.

use {
    crate::elf,
    litesvm::{InvocationInspectCallback, LiteSVM},
    solana_program_runtime::invoke_context::InvokeContext,
    solana_transaction::sanitized::SanitizedTransaction,
    std::sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes of an sBPF instruction.
const INSTRUCTION_BYTES: usize = 8;
/// The index, in an entry of a trace, of the instruction's number: it follows the registers.
const NUMBER: usize = 11;

/// One of the two branches of a conditional jump: twice the jump's number, plus 1 where it jumps.
pub type Branch = u32;

/// The instructions and branches of the program, and which of them were seen.
#[derive(Default)]
struct Seen {
    /// Which instructions of the program's text are conditional jumps.
    jumps: Vec<bool>,
    reached: Vec<bool>,
    branches: Vec<bool>,
    /// How many instructions of the program were executed.
    executed: u64,
    /// Branches of the last transaction, each once.
    last: Vec<Branch>,
    in_last: Vec<bool>,
}

/// How much of the program was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    pub instructions: usize,
    /// Instructions of the program's text, with those of the libraries that are linked in.
    pub all_instructions: usize,
    pub branches: usize,
    /// Two for each conditional jump. Some cannot be taken at all.
    pub all_branches: usize,
}

/// Records which branches of the program are taken on the chains that it makes.
#[derive(Clone, Default)]
pub struct Coverage(Arc<Mutex<Seen>>);

impl Coverage {
    /// A chain with the program on it, whose transactions are all traced.
    ///
    /// # Panics
    /// Where the program does not load.
    pub fn chain(&self) -> LiteSVM {
        let mut svm = LiteSVM::new_debuggable(true);
        svm.set_invocation_inspect_callback(self.clone());
        svm.add_program(multibus::ID, &with_sections(elf::program())).expect("the program loads");
        svm
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the branches of the last transaction, each once, in the order in which they were first taken.
    pub fn take_last(&self) -> Vec<Branch> {
        let mut seen = self.seen();
        let last = std::mem::take(&mut seen.last);
        last.iter().for_each(|branch| seen.in_last[*branch as usize] = false);
        last
    }

    /// How many instructions the program has executed, without those of the programs that it calls.
    pub fn executed(&self) -> u64 {
        self.seen().executed
    }

    /// How much was seen by all transactions together.
    pub fn covered(&self) -> Covered {
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        let seen = self.seen();
        Covered {
            instructions: count(&seen.reached),
            all_instructions: seen.reached.len(),
            branches: count(&seen.branches),
            all_branches: 2 * count(&seen.jumps),
        }
    }
}

/// The program with a section table appended: a null section, and the section of section names. A loader that traces
/// needs them, and the program as it ships has none. No byte that is executed or read changes.
fn with_sections(elf: &[u8]) -> Vec<u8> {
    const HEADER: usize = 64;
    const STRING_TABLE: u32 = 3;
    let names = b"\0.shstrtab\0";
    let mut extended = elf.to_vec();
    extended.resize(elf.len().next_multiple_of(8), 0);
    let (names_at, name_bytes) = (extended.len() as u64, names.len() as u64);
    extended.extend_from_slice(names);
    extended.resize(extended.len().next_multiple_of(8), 0);
    let table_at = extended.len() as u64;
    extended.resize(extended.len() + 2 * HEADER, 0);
    let mut put = |at: usize, bytes: &[u8]| extended[at..at + bytes.len()].copy_from_slice(bytes);
    let second = table_at as usize + HEADER;
    // Of the section of names: the offset of its own name, its type, its offset in the file, and its length.
    put(second, &1u32.to_le_bytes());
    put(second + 4, &STRING_TABLE.to_le_bytes());
    put(second + 24, &names_at.to_le_bytes());
    put(second + 32, &name_bytes.to_le_bytes());
    // In the file's header: the table's offset, the size of an entry, the number of entries, and which holds the names.
    put(40, &table_at.to_le_bytes());
    put(58, &(HEADER as u16).to_le_bytes());
    put(60, &2u16.to_le_bytes());
    put(62, &1u16.to_le_bytes());
    extended
}

/// Whether an instruction is a conditional jump, by its first byte: all of the 64-bit and 32-bit jump classes but the
/// unconditional jump, calls and returns.
fn is_conditional_jump(opcode: u8) -> bool {
    matches!(opcode & 7, 5 | 6) && !matches!(opcode >> 4, 0x0 | 0x8 | 0x9)
}

impl Seen {
    fn learn(&mut self, text: &[u8]) {
        self.jumps = text.chunks_exact(INSTRUCTION_BYTES).map(|bytes| is_conditional_jump(bytes[0])).collect();
        self.reached = vec![false; self.jumps.len()];
        self.branches = vec![false; 2 * self.jumps.len()];
        self.in_last = vec![false; 2 * self.jumps.len()];
    }

    fn follow(&mut self, trace: &[[u64; 12]]) {
        self.executed += trace.len() as u64;
        for (index, entry) in trace.iter().enumerate() {
            let number = entry[NUMBER] as usize;
            self.reached[number] = true;
            let Some(next) = trace.get(index + 1).filter(|_| self.jumps[number]) else { continue };
            let branch = 2 * number + usize::from(next[NUMBER] as usize != number + 1);
            self.branches[branch] = true;
            if !std::mem::replace(&mut self.in_last[branch], true) {
                self.last.push(branch as Branch);
            }
        }
    }
}

impl InvocationInspectCallback for Coverage {
    fn before_invocation(
        &self,
        _: &LiteSVM,
        _: &SanitizedTransaction,
        _: &[u16],
        _: &mut InvokeContext,
        _is_traced: bool,
    ) {
    }

    fn after_invocation(
        &self,
        _: &LiteSVM,
        _: &SanitizedTransaction,
        _: &[u16],
        context: &InvokeContext,
        _is_traced: bool,
    ) {
        context.iterate_vm_traces(&|frame, executable, trace| {
            // Only the market's own frames count, not those of programs that it calls.
            if frame.get_program_key() != Ok(&multibus::ID) {
                return;
            }
            let mut seen = self.seen();
            if seen.jumps.is_empty() {
                seen.learn(executable.get_text_bytes().1);
            }
            seen.follow(trace);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_conditional_jumps_have_branches() {
        // jeq, jgt, jset, jne with an immediate and a register, signed ones, and the same in 32 bits.
        for conditional in [0x15, 0x1d, 0x25, 0x45, 0x55, 0x5d, 0x65, 0xa5, 0xb5, 0xc5, 0xdd, 0x16, 0x5e, 0xd6] {
            assert!(is_conditional_jump(conditional), "{conditional:#x}");
        }
        // ja, call, callx, exit, return; arithmetic, loads and stores.
        for other in [0x05, 0x85, 0x8d, 0x95, 0x9d, 0x07, 0x0f, 0x61, 0x7b, 0xb7, 0xbf, 0x18, 0x00] {
            assert!(!is_conditional_jump(other), "{other:#x}");
        }
    }
}
