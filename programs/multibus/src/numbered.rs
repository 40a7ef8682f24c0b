//! Enums that accounts, arguments and events hold as a number of one byte.

/// Declares such an enum once: its numbers (which never change), its conversion from a number, and its type in the IDL,
/// from which clients take the numbers.
macro_rules! numbered_enum {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $number,)+
        }

        impl $name {
            /// Every variant, in the order of the numbers.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$variant),+];

            /// What the IDL says of this enum.
            pub const NUMBERED: $crate::numbered::NumberedEnum = $crate::numbered::NumberedEnum {
                name: stringify!($name),
                docs: &[$($doc),+],
                variants: &[$(stringify!($variant)),+],
            };
        }

        // The IDL numbers variants by their place.
        const _: () = {
            let mut place = 0;
            while place < $name::ALL.len() {
                assert!($name::ALL[place] as usize == place, "the numbers of an enum are 0, 1, 2 and so on");
                place += 1;
            }
        };

        impl TryFrom<u8> for $name {
            /// The number, which is that of no variant.
            type Error = u8;

            #[inline]
            fn try_from(number: u8) -> core::result::Result<Self, u8> {
                match number {
                    $($number => Ok(Self::$variant),)+
                    unknown => Err(unknown),
                }
            }
        }
    };
}
pub(crate) use numbered_enum;

/// An enum that accounts and events hold as a number. The fields are of type `u8`, so Anchor does not find the enum by
/// itself: `cargo xtask idl` adds all [`NUMBERED_ENUMS`](crate::state::NUMBERED_ENUMS) to the IDL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedEnum {
    pub name: &'static str,
    /// Lines of its documentation.
    pub docs: &'static [&'static str],
    /// Names of the variants; the number of each is its place.
    pub variants: &'static [&'static str],
}
