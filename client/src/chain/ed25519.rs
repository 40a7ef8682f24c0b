//! The chain's program that checks Ed25519 signatures, for the chain inside the process.
//!
//! LiteSVM has it only in a build that compiles OpenSSL, for other curves. This one checks the same signatures as strictly. It
//! knows one form: each signature, its key and its message are in the data of the instruction itself.

use {
    bytemuck::pod_read_unaligned,
    litesvm::LiteSVM,
    solana_ed25519_program::{
        Ed25519SignatureOffsets, PUBKEY_SERIALIZED_SIZE, SIGNATURE_OFFSETS_SERIALIZED_SIZE, SIGNATURE_OFFSETS_START,
        SIGNATURE_SERIALIZED_SIZE,
    },
    solana_instruction::error::InstructionError,
    solana_program_runtime::{declare_process_instruction, solana_sbpf::program::BuiltinFunctionDefinition},
    solana_sdk_ids::ed25519_program,
    solana_signature::Signature,
};

/// A signature is not that of its key and its message. The number is that of a chain's own program.
const INVALID_SIGNATURE: InstructionError = InstructionError::Custom(2);
/// A part lies outside of the instruction's data.
const INVALID_DATA_OFFSETS: InstructionError = InstructionError::Custom(3);
/// The data has no room for as many signatures as it announces.
const INVALID_INSTRUCTION_DATA_SIZE: InstructionError = InstructionError::Custom(4);

/// What an instruction costs. A chain's own program is free, but what stands in for it has to cost something.
const COMPUTE_UNITS: u64 = 1;

declare_process_instruction!(Entrypoint, COMPUTE_UNITS, |invoke_context| {
    let instruction = invoke_context.transaction_context.get_current_instruction_context()?;
    verify(instruction.get_instruction_data())
});

/// Makes the program part of a chain.
pub(super) fn add_to(svm: &mut LiteSVM) {
    svm.add_builtin(ed25519_program::ID, Entrypoint::register);
}

/// Refuses data in which a signature is not valid.
fn verify(data: &[u8]) -> Result<(), InstructionError> {
    let Some((&count, _)) = data.split_first() else { return Err(INVALID_INSTRUCTION_DATA_SIZE) };
    let heads = data.get(SIGNATURE_OFFSETS_START..).ok_or(INVALID_INSTRUCTION_DATA_SIZE)?;
    let heads = heads
        .get(..usize::from(count) * SIGNATURE_OFFSETS_SERIALIZED_SIZE)
        .filter(|heads| !heads.is_empty() || data.len() == SIGNATURE_OFFSETS_START)
        .ok_or(INVALID_INSTRUCTION_DATA_SIZE)?;
    for head in heads.chunks_exact(SIGNATURE_OFFSETS_SERIALIZED_SIZE) {
        let at: Ed25519SignatureOffsets = pod_read_unaligned(head);
        let part = |index: u16, start: u16, size: usize| {
            let own = (index == u16::MAX).then_some(data);
            let start = usize::from(start);
            own.and_then(|data| data.get(start..start + size)).ok_or(INVALID_DATA_OFFSETS)
        };
        let signature = part(at.signature_instruction_index, at.signature_offset, SIGNATURE_SERIALIZED_SIZE)?;
        let key = part(at.public_key_instruction_index, at.public_key_offset, PUBKEY_SERIALIZED_SIZE)?;
        let message = part(at.message_instruction_index, at.message_data_offset, usize::from(at.message_data_size))?;
        let signature = Signature::try_from(signature).map_err(|_| INVALID_SIGNATURE)?;
        if !signature.verify(key, message) {
            return Err(INVALID_SIGNATURE);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use {
        super::*, solana_ed25519_program::new_ed25519_instruction_with_signature, solana_keypair::Keypair,
        solana_signer::Signer,
    };

    fn signed(key: &Keypair, signer: &Keypair, message: &[u8]) -> Vec<u8> {
        let signature = <[u8; 64]>::from(signer.sign_message(message));
        new_ed25519_instruction_with_signature(message, &signature, &key.pubkey().to_bytes()).data
    }

    #[test]
    fn only_the_signature_of_the_key_and_the_message_is_valid() {
        let (key, other) = (Keypair::new(), Keypair::new());
        let good = signed(&key, &key, b"1,234 Wh");
        assert_eq!(verify(&good), Ok(()));
        assert_eq!(verify(&signed(&key, &other, b"1,234 Wh")), Err(INVALID_SIGNATURE));
        for place in SIGNATURE_OFFSETS_START + SIGNATURE_OFFSETS_SERIALIZED_SIZE..good.len() {
            let mut changed = good.clone();
            changed[place] ^= 1;
            assert_eq!(verify(&changed), Err(INVALID_SIGNATURE), "{place}");
        }
        assert_eq!(verify(&good[..good.len() - 1]), Err(INVALID_DATA_OFFSETS));
        let mut elsewhere = good.clone();
        elsewhere[4..6].copy_from_slice(&0u16.to_le_bytes());
        assert_eq!(verify(&elsewhere), Err(INVALID_DATA_OFFSETS));
        for short in [&[][..], &[1], &[1, 0], &[0, 0, 0], &good[..15]] {
            assert_eq!(verify(short), Err(INVALID_INSTRUCTION_DATA_SIZE), "{short:?}");
        }
        assert_eq!(verify(&[0, 0]), Ok(()), "no signature, and none is wrong");
    }
}
