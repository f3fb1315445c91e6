use banbury_base::Symbol;

/// A preprocessing token of C or C++ after phase 4 of translation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    pub kind: TokenKind,
    /// The spelling of identifiers and literals (a string or character literal with its quotes
    /// and prefix); empty for punctuation.
    pub text: Symbol,
    /// Line and column where the token stands in the file; for a token out of a macro, where
    /// the outermost macro was used.
    pub line: u32,
    pub col: u16,
    pub len: u16,
    /// The outermost macro that this token was expanded from, or empty.
    pub in_macro: Symbol,
}

/// Keywords stay [`TokenKind::Ident`]: which words are keywords depends on the language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum TokenKind {
    Ident,
    Number,
    /// String literal, with any prefix.
    Str,
    /// Character constant, with any prefix.
    Char,
    LParen,
    RParen,
    LBrace,
    RBrace,
    LBracket,
    RBracket,
    Semi,
    Comma,
    Dot,
    Ellipsis,
    Arrow,
    PlusPlus,
    MinusMinus,
    Amp,
    AmpAmp,
    Star,
    Plus,
    Minus,
    Tilde,
    Bang,
    Slash,
    Percent,
    Shl,
    Shr,
    Lt,
    Gt,
    Le,
    Ge,
    EqEq,
    Ne,
    Caret,
    Pipe,
    PipePipe,
    Question,
    Colon,
    /// `::`
    ColonColon,
    Eq,
    StarEq,
    SlashEq,
    PercentEq,
    PlusEq,
    MinusEq,
    ShlEq,
    ShrEq,
    AmpEq,
    CaretEq,
    PipeEq,
    Hash,
    HashHash,
    At,
    Backslash,
    /// A byte that starts no token.
    Other,
    Eof,
}
