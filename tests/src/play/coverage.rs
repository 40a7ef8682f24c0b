//! Which ways through the built program were taken: not of an instrumented build, but of the very bytes that ship. The
//! chain notes the place of every instruction that it executes; of these, the program's own conditional jumps are
//! looked at, each of which has two ways on.

use {
    crate::elf,
    litesvm::{InvocationInspectCallback, LiteSVM},
    solana_program_runtime::invoke_context::InvokeContext,
    solana_transaction::sanitized::SanitizedTransaction,
    std::sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes of an instruction.
const INSTRUCTION_BYTES: usize = 8;
/// Where a trace's entry has the place of its instruction, behind the registers.
const PLACE: usize = 11;

/// One of the two ways on from a conditional jump: twice the jump's place, and 1 more where it jumps.
pub type Way = u32;

/// What the program's instructions and ways are, and which of them were seen.
#[derive(Default)]
struct Seen {
    /// Which instructions of the program's text are conditional jumps.
    jumps: Vec<bool>,
    reached: Vec<bool>,
    ways: Vec<bool>,
    /// Ways of the last transaction, each once.
    last: Vec<Way>,
    in_last: Vec<bool>,
}

/// How much of the program was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    pub instructions: usize,
    /// Instructions of the program's text, what it links of the standard library included.
    pub all_instructions: usize,
    pub ways: usize,
    /// Two for each conditional jump; some of them nothing can take.
    pub all_ways: usize,
}

/// Sees which ways through the program are taken on the chains that it makes.
#[derive(Clone, Default)]
pub struct Coverage(Arc<Mutex<Seen>>);

impl Coverage {
    /// A chain with the program on it, whose every transaction is seen.
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

    /// Takes the ways of the last transaction, each once, in the order in which they were first taken.
    pub fn take_last(&self) -> Vec<Way> {
        let mut seen = self.seen();
        let last = std::mem::take(&mut seen.last);
        last.iter().for_each(|way| seen.in_last[*way as usize] = false);
        last
    }

    /// How much was seen by all transactions together.
    pub fn covered(&self) -> Covered {
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        let seen = self.seen();
        Covered {
            instructions: count(&seen.reached),
            all_instructions: seen.reached.len(),
            ways: count(&seen.ways),
            all_ways: 2 * count(&seen.jumps),
        }
    }
}

/// The program with a table of two sections, one that is none and one of their names, behind its bytes: a loader that
/// traces looks for them, and the program as it ships has neither. Not a byte that is executed or read changes.
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
    // Its name behind the first zero, its kind, where it is and its length.
    put(second, &1u32.to_le_bytes());
    put(second + 4, &STRING_TABLE.to_le_bytes());
    put(second + 24, &names_at.to_le_bytes());
    put(second + 32, &name_bytes.to_le_bytes());
    // In the file's header: where the table is, the size of its entries, how many there are, which one holds the names.
    put(40, &table_at.to_le_bytes());
    put(58, &(HEADER as u16).to_le_bytes());
    put(60, &2u16.to_le_bytes());
    put(62, &1u16.to_le_bytes());
    extended
}

/// Whether an instruction jumps or goes on, by its first byte: of the classes of 64-bit and 32-bit jumps everything but
/// the unconditional jump, calls and returns.
fn is_conditional_jump(opcode: u8) -> bool {
    matches!(opcode & 7, 5 | 6) && !matches!(opcode >> 4, 0x0 | 0x8 | 0x9)
}

impl Seen {
    fn learn(&mut self, text: &[u8]) {
        self.jumps = text.chunks_exact(INSTRUCTION_BYTES).map(|bytes| is_conditional_jump(bytes[0])).collect();
        self.reached = vec![false; self.jumps.len()];
        self.ways = vec![false; 2 * self.jumps.len()];
        self.in_last = vec![false; 2 * self.jumps.len()];
    }

    fn follow(&mut self, trace: &[[u64; 12]]) {
        for (index, entry) in trace.iter().enumerate() {
            let place = entry[PLACE] as usize;
            self.reached[place] = true;
            let Some(next) = trace.get(index + 1).filter(|_| self.jumps[place]) else { continue };
            let way = 2 * place + usize::from(next[PLACE] as usize != place + 1);
            self.ways[way] = true;
            if !std::mem::replace(&mut self.in_last[way], true) {
                self.last.push(way as Way);
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
            // Programs that it calls are not looked at.
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
    fn jumps_calls_and_returns_are_told_apart() {
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
