//! Which words mean something to the grammar, found by symbol in one probe.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use banbury_base::Symbol;
use rustc_hash::FxBuildHasher;

/// A word with a meaning of its own in C11 with GNU extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Kw {
    /// An ordinary name.
    None,
    /// An ordinary name that a system header commonly defines as a type.
    StdType,
    /// `offsetof`, if it was not expanded.
    Offsetof,
    /// `va_arg`, if it was not expanded.
    VaArg,

    If,
    Else,
    While,
    Do,
    For,
    Switch,
    Case,
    Default,
    Goto,
    Break,
    Continue,
    Return,
    Asm,
    StaticAssert,
    LocalLabel,

    Sizeof,
    Alignof,
    Generic,
    BuiltinOffsetof,
    BuiltinVaArg,
    TypesCompatible,
    ChooseExpr,
    RealImag,

    Attribute,
    Declspec,
    Extension,
    CallConv,

    Typedef,
    Static,
    Extern,
    Register,
    Auto,
    Inline,
    Thread,
    Noreturn,
    Alignas,

    Const,
    Qualifier,
    Atomic,

    Void,
    Bool,
    Char,
    Short,
    Int,
    Long,
    Float,
    Double,
    LongDouble,
    Signed,
    Unsigned,
    Complex,
    Int128,
    WChar,
    AutoType,
    Struct,
    Union,
    Enum,
    Typeof,
}

impl Kw {
    /// An identifier that the program may give any meaning.
    pub(super) fn is_name(self) -> bool {
        (self as u8) <= Kw::VaArg as u8
    }

    /// Names or spells a type, without qualifiers.
    pub(super) fn is_type(self) -> bool {
        (self as u8) >= Kw::Void as u8
    }

    pub(super) fn is_qualifier(self) -> bool {
        matches!(self, Kw::Const | Kw::Qualifier | Kw::Atomic)
    }

    pub(super) fn is_storage(self) -> bool {
        (self as u8) >= Kw::Typedef as u8 && (self as u8) <= Kw::Alignas as u8
    }

    /// Can only begin a declaration.
    pub(super) fn starts_declaration(self) -> bool {
        (self as u8) >= Kw::Typedef as u8
    }

    /// Can begin a type name.
    pub(super) fn starts_type_name(self) -> bool {
        (self as u8) >= Kw::Const as u8
    }

    /// Begins a statement that is neither an expression nor a declaration.
    pub(super) fn is_statement(self) -> bool {
        (self as u8) >= Kw::If as u8 && (self as u8) <= Kw::Return as u8
    }
}

#[rustfmt::skip]
const WORDS: &[(Kw, &[&str])] = &[
    (Kw::StdType, &["FILE", "DIR", "u_char", "u_short", "u_int", "u_long", "uint", "ulong", "ushort",
        "u_int8_t", "u_int16_t", "u_int32_t", "u_int64_t", "va_list", "__builtin_va_list", "__gnuc_va_list",
        "jmp_buf", "sigjmp_buf", "fd_set", "Dl_info", "regex_t", "__m128i", "__m256i", "__m512i",
        "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "__u8", "__u16", "__u32", "__u64", "__s8", "__s16",
        "__s32", "__s64", "__le16", "__le32", "__le64", "__be16", "__be32", "__be64", "__sum16", "__wsum",
        "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "uchar"]),
    (Kw::Offsetof, &["offsetof"]),
    (Kw::VaArg, &["va_arg"]),
    (Kw::If, &["if"]),
    (Kw::Else, &["else"]),
    (Kw::While, &["while"]),
    (Kw::Do, &["do"]),
    (Kw::For, &["for"]),
    (Kw::Switch, &["switch"]),
    (Kw::Case, &["case"]),
    (Kw::Default, &["default"]),
    (Kw::Goto, &["goto"]),
    (Kw::Break, &["break"]),
    (Kw::Continue, &["continue"]),
    (Kw::Return, &["return"]),
    (Kw::Asm, &["asm", "__asm", "__asm__"]),
    (Kw::StaticAssert, &["_Static_assert", "static_assert"]),
    (Kw::LocalLabel, &["__label__"]),
    (Kw::Sizeof, &["sizeof", "__datasizeof"]),
    (Kw::Alignof, &["_Alignof", "__alignof", "__alignof__", "alignof"]),
    (Kw::Generic, &["_Generic"]),
    (Kw::BuiltinOffsetof, &["__builtin_offsetof"]),
    (Kw::BuiltinVaArg, &["__builtin_va_arg"]),
    (Kw::TypesCompatible, &["__builtin_types_compatible_p"]),
    (Kw::ChooseExpr, &["__builtin_choose_expr"]),
    (Kw::RealImag, &["__real__", "__imag__", "__real", "__imag"]),
    (Kw::Attribute, &["__attribute__", "__attribute"]),
    (Kw::Declspec, &["__declspec"]),
    (Kw::Extension, &["__extension__"]),
    (Kw::CallConv, &["__cdecl", "__stdcall", "__fastcall", "__thiscall", "__vectorcall", "__unaligned",
        "__ptr32", "__ptr64"]),
    (Kw::Typedef, &["typedef"]),
    (Kw::Static, &["static"]),
    (Kw::Extern, &["extern"]),
    (Kw::Register, &["register"]),
    (Kw::Auto, &["auto"]),
    (Kw::Inline, &["inline", "__inline", "__inline__", "__forceinline"]),
    (Kw::Thread, &["_Thread_local", "thread_local", "__thread"]),
    (Kw::Noreturn, &["_Noreturn", "noreturn", "__noreturn__", "__noreturn"]),
    (Kw::Alignas, &["_Alignas", "alignas"]),
    (Kw::Const, &["const", "__const", "__const__", "constexpr"]),
    (Kw::Qualifier, &["volatile", "__volatile", "__volatile__", "restrict", "__restrict", "__restrict__",
        "_Nonnull", "_Nullable", "__seg_gs", "__seg_fs"]),
    (Kw::Atomic, &["_Atomic"]),
    (Kw::Void, &["void"]),
    (Kw::Bool, &["_Bool", "bool"]),
    (Kw::Char, &["char"]),
    (Kw::Short, &["short"]),
    (Kw::Int, &["int"]),
    (Kw::Long, &["long"]),
    (Kw::Float, &["float", "_Float16", "_Float32", "__fp16", "__bf16"]),
    (Kw::Double, &["double", "_Float64", "_Float32x"]),
    (Kw::LongDouble, &["_Float128", "__float128", "_Float64x", "__float80"]),
    (Kw::Signed, &["signed", "__signed", "__signed__"]),
    (Kw::Unsigned, &["unsigned"]),
    (Kw::Complex, &["_Complex", "__complex__", "_Imaginary"]),
    (Kw::Int128, &["__int128", "__int128_t", "__uint128_t"]),
    (Kw::WChar, &["wchar_t"]),
    (Kw::AutoType, &["__auto_type"]),
    (Kw::Struct, &["struct"]),
    (Kw::Union, &["union"]),
    (Kw::Enum, &["enum"]),
    (Kw::Typeof, &["typeof", "__typeof", "__typeof__", "typeof_unqual", "__typeof_unqual__"]),
];

const SLOT_BITS: u32 = 10;
const SLOTS: usize = 1 << SLOT_BITS;

/// Open-addressed map from symbol to keyword; [`Symbol::EMPTY`] marks a free slot.
pub(super) struct KeywordTable {
    slots: Box<[(Symbol, Kw); SLOTS]>,
}

impl KeywordTable {
    pub(super) fn get() -> &'static KeywordTable {
        static TABLE: OnceLock<KeywordTable> = OnceLock::new();
        TABLE.get_or_init(|| {
            let mut slots = Box::new([(Symbol::EMPTY, Kw::None); SLOTS]);
            for &(kw, words) in WORDS {
                for word in words {
                    let symbol = Symbol::new(word);
                    let mut at = first_slot(symbol);
                    while !slots[at].0.is_empty() {
                        at = (at + 1) % SLOTS;
                    }
                    slots[at] = (symbol, kw);
                }
            }
            KeywordTable { slots }
        })
    }

    #[inline]
    pub(super) fn find(&self, symbol: Symbol) -> Kw {
        let mut at = first_slot(symbol);
        loop {
            let (key, kw) = self.slots[at % SLOTS];
            if key == symbol {
                return kw;
            }
            if key.is_empty() {
                return Kw::None;
            }
            at += 1;
        }
    }
}

#[inline]
fn first_slot(symbol: Symbol) -> usize {
    (FxBuildHasher.hash_one(symbol) >> (64 - SLOT_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::{KeywordTable, Kw};
    use banbury_base::Symbol;

    #[test]
    fn words_are_found() {
        let table = KeywordTable::get();
        assert_eq!(table.find(Symbol::new("while")), Kw::While);
        assert_eq!(table.find(Symbol::new("__typeof__")), Kw::Typeof);
        assert_eq!(table.find(Symbol::new("whale")), Kw::None);
        assert_eq!(table.find(Symbol::EMPTY), Kw::None);
    }
}
