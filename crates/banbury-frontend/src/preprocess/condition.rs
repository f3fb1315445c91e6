//! Conditions of `#if` in three-valued logic, and the choice of an arm.

use banbury_base::Symbol;

use super::macros::{PAINTED, Tok, names};
use super::scan::{DirectiveKind, FileScan, NONE};
use super::walk::{Walker, end_of_group};
use crate::token::TokenKind;

/// The value of a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Known(i128),
    /// A name that nobody defines: zero, by the language.
    Absent,
    /// Depends on a configuration that nobody told; with what holds if features are on.
    Unknown(bool),
}

impl Value {
    fn truth(self) -> bool {
        match self {
            Value::Known(value) => value != 0,
            Value::Absent => false,
            Value::Unknown(likely) => likely,
        }
    }

    /// As a number, if it has one.
    fn settled(self) -> Value {
        if self == Value::Absent { Value::Known(0) } else { self }
    }

    fn of(value: bool) -> Value {
        Value::Known(i128::from(value))
    }
}

pub(super) struct Choice {
    /// The directive behind which reading goes on: an arm, the `#endif`, or [`NONE`] for the end
    /// of the file.
    pub arm: u32,
    /// 1-based number of the arm; 0 for none.
    pub ordinal: u32,
    pub undecided: bool,
}

#[derive(Clone, Copy)]
struct ArmState {
    directive: u32,
    ordinal: u32,
    value: Value,
    error: bool,
    balanced: bool,
}

impl Walker<'_> {
    /// Picks an arm of the group that the directive at `open` begins.
    pub(super) fn choose(&mut self, file: u32, open: u32) -> Choice {
        let arms = self.arms(file, open);
        let end = end_of_group(&self.pp.scans[file as usize], open);
        let none = |undecided| Choice { arm: end, ordinal: 0, undecided };
        let take = |arm: &ArmState, undecided| Choice { arm: arm.directive, ordinal: arm.ordinal, undecided };
        let viable: Vec<&ArmState> = arms.iter().filter(|arm| arm.value != Value::Known(0)).collect();
        let undecided = matches!(viable.first().map(|arm| arm.value), Some(Value::Unknown(_)));
        let preferred = viable.iter().position(|arm| arm.value.truth());
        let Some(at) = preferred else { return none(undecided) };
        let arm = viable[at];
        if arm.error {
            return without_error(&arms, &viable, at).map_or(none(undecided), |arm| take(arm, true));
        }
        if undecided
            && !arm.balanced
            && let Some(other) = viable.iter().find(|other| other.balanced && !other.error)
        {
            return take(other, true);
        }
        take(arm, undecided)
    }

    /// The arms up to the first that is certainly taken.
    fn arms(&mut self, file: u32, open: u32) -> Vec<ArmState> {
        let scan = &self.pp.scans[file as usize];
        let (mut arms, mut index, mut certain) = (Vec::new(), open, false);
        let wanted = wanted_excess(scan, open);
        while index != NONE {
            let directive = &scan.directives[index as usize];
            if directive.kind == DirectiveKind::Endif || directive.arm == NONE {
                break;
            }
            let value = if certain { Value::Known(0) } else { self.evaluate(file, index) };
            certain |= matches!(value, Value::Known(v) if v != 0);
            let arm = scan.arms[directive.arm as usize];
            arms.push(ArmState {
                directive: index,
                ordinal: arms.len() as u32 + 1,
                value,
                error: arm.error,
                balanced: (arm.braces, arm.parens) == wanted,
            });
            index = directive.link;
        }
        arms
    }

    fn evaluate(&mut self, file: u32, index: u32) -> Value {
        let directives = &self.pp.scans[file as usize].directives;
        let directive = &directives[index as usize];
        match directive.kind {
            // Before `#define X`.
            DirectiveKind::Ifndef if directive.fallback => {
                Value::of(self.lookup_here(directive.name).is_none())
            }
            DirectiveKind::Else => Value::Known(1),
            DirectiveKind::Ifdef | DirectiveKind::Elifdef => self.defined(directive.name),
            DirectiveKind::Ifndef | DirectiveKind::Elifndef => not(self.defined(directive.name)),
            _ => {
                let tokens = self.directive_tokens(file, directive);
                self.gives_default = directive.fallback;
                let value = self.condition(file, tokens);
                self.gives_default = false;
                value
            }
        }
    }

    pub(super) fn condition(&mut self, file: u32, mut tokens: Vec<Tok>) -> Value {
        let needs_expansion = self.prepare(&mut tokens);
        if needs_expansion {
            tokens = self.expand_isolated(tokens);
        }
        let mut parser = Parser { walker: self, file, tokens: &tokens, at: 0, broken: false, depth: 0 };
        let value = parser.conditional();
        let broken = parser.broken || parser.at < tokens.len();
        if broken { Value::Unknown(value.truth()) } else { value.settled() }
    }

    /// Paints what must not be expanded; true if anything else is a macro.
    fn prepare(&mut self, tokens: &mut [Tok]) -> bool {
        let mut any = false;
        let (mut paint, mut i) = (false, 0);
        while i < tokens.len() {
            let tok = tokens[i];
            if tok.kind == TokenKind::Ident {
                if paint || is_kernel_test(tok.text) || tok.text.as_str().starts_with("__has_") {
                    tokens[i].flags |= PAINTED;
                } else {
                    any |= self.lookup(tok.text).is_some();
                }
                paint = tok.text == names().defined;
            } else {
                paint &= tok.kind == TokenKind::LParen;
            }
            i += 1;
        }
        any
    }

    /// `defined(name)`
    fn defined(&mut self, name: Symbol) -> Value {
        if is_provided_name(name.as_str()) || (self.cpp && name == "__cplusplus") {
            return Value::Known(1);
        }
        if self.gives_default && self.has_default(name) {
            return Value::of(self.lookup_here(name).is_some());
        }
        if let Some(id) = self.lookup(name) {
            // Both byte orders have a number in the C library; whether one is defined at all is
            // how the Linux kernel asks which one holds.
            let big = self.table[id as usize].soft && matches!(name.as_str(), "__BIG_ENDIAN" | "BIG_ENDIAN");
            return Value::of(!big);
        }
        self.word(name).settled()
    }

    /// The file itself defines the name where nobody else did.
    fn has_default(&self, name: Symbol) -> bool {
        let directives = &self.pp.scans[self.file as usize].directives;
        directives.iter().any(|d| d.fallback && d.kind == DirectiveKind::Define && d.name == name)
    }

    /// A name that is not a macro, in an expression.
    fn word(&mut self, name: Symbol) -> Value {
        if name == names().r#true {
            return Value::Known(1);
        }
        if self.cpp && name == "__cplusplus" {
            return Value::Known(201_703);
        }
        self.wanting |= self.pp.macros.contains_key(&name);
        if self.pp.is_undefined_by_option(name) {
            return Value::Known(0);
        }
        match configuration(name.as_str()) {
            Some(likely) => Value::Unknown(likely),
            None => Value::Absent,
        }
    }
}

/// How many more braces and parentheses an arm of the group at `open` must open than close so that
/// the arm or file around the group is balanced; none if no arm does that.
fn wanted_excess(scan: &FileScan, open: u32) -> (i32, i32) {
    let arm_of = |index: u32| {
        let directive = scan.directives.get(index as usize)?;
        scan.arms.get(directive.arm as usize)
    };
    let Some(first) = arm_of(open) else { return (0, 0) };
    let (braces, parens) = arm_of(first.parent).map_or(scan.excess, |around| (around.braces, around.parens));
    // The excess around counts the first arm.
    let wanted = (first.braces - braces, first.parens - parens);
    let mut index = open;
    while let Some(arm) = arm_of(index) {
        if (arm.braces, arm.parens) == wanted {
            return wanted;
        }
        index = scan.directives[index as usize].link;
    }
    (0, 0)
}

/// An arm was chosen that only says `#error`: another one is meant, a later one if possible.
fn without_error<'a>(arms: &'a [ArmState], viable: &[&'a ArmState], at: usize) -> Option<&'a ArmState> {
    let later = viable[at + 1..].iter().copied().find(|arm| !arm.error);
    // All conditions before failed for lack of a header; `#if 0` is no alternative.
    let earlier = || (viable[at].ordinal > 1).then(|| arms.iter().find(|arm| !arm.error)).flatten();
    later.or_else(earlier)
}

/// `IS_ENABLED(CONFIG_X)` and its kin ask for a configuration.
fn is_kernel_test(name: Symbol) -> bool {
    matches!(name.as_str(), "IS_ENABLED" | "IS_BUILTIN" | "IS_MODULE" | "IS_REACHABLE")
}

/// Names that an `#ifdef` finds defined although they are no macros here.
fn is_provided_name(name: &str) -> bool {
    name.starts_with("__has_") || matches!(name, "linux" | "unix")
}

/// Whether a name looks like a configuration's; if so, whether the feature is likely on.
pub(super) fn configuration(name: &str) -> Option<bool> {
    let prefixed =
        |p: &str| name.starts_with(p) || name.split_once(p).is_some_and(|(head, _)| head.ends_with('_'));
    if !["CONFIG_", "HAVE_", "ENABLE_", "WITH_", "USE_"].iter().any(|p| prefixed(p)) {
        return None;
    }
    // Foreign systems, and what only observes or instruments the program.
    const OFF: &[&str] = &[
        "FORTIFY",
        "PRINTK_INDEX",
        "LOCKDEP",
        "PROVE_",
        "KCSAN",
        "KCOV",
        "INSTRUMENT",
        "GCC_PLUGIN",
        "COMPILE_TEST",
        "WIN32",
        "WINDOWS",
        "W32",
        "MSVC",
        "DOS",
        "DEBUG",
        "TRACE",
        "APPLE",
        "DARWIN",
        "FREEBSD",
        "NETBSD",
        "OPENBSD",
        "SOLARIS",
        "VMS",
        "OS2",
        "FUZZ",
        "BIG_ENDIAN",
        "BIGENDIAN",
        "32BIT",
        "KASAN",
        "KMSAN",
        "UBSAN",
        "SANITIZE",
        "PROFILE",
        "VALGRIND",
    ];
    Some(!OFF.iter().any(|word| name.contains(word)))
}

fn not(value: Value) -> Value {
    match value {
        Value::Known(v) => Value::of(v == 0),
        Value::Absent => Value::Known(1),
        Value::Unknown(likely) => Value::Unknown(!likely),
    }
}

struct Parser<'w, 'p, 't> {
    walker: &'w mut Walker<'p>,
    file: u32,
    tokens: &'t [Tok],
    at: usize,
    broken: bool,
    depth: u32,
}

impl Parser<'_, '_, '_> {
    fn peek(&self) -> Option<TokenKind> {
        self.tokens.get(self.at).map(|tok| tok.kind)
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.peek() == Some(kind);
        self.at += usize::from(found);
        found
    }

    fn conditional(&mut self) -> Value {
        self.depth += 1;
        if self.depth > 100 {
            self.broken = true;
            self.at = self.tokens.len();
            return Value::Unknown(true);
        }
        let condition = self.binary(0);
        let value = if self.eat(TokenKind::Question) {
            let yes = self.conditional();
            self.broken |= !self.eat(TokenKind::Colon);
            let no = self.conditional();
            match condition {
                Value::Known(0) | Value::Absent => no,
                Value::Known(_) => yes,
                Value::Unknown(_) if yes == no => yes,
                Value::Unknown(likely) => Value::Unknown(if likely { yes.truth() } else { no.truth() }),
            }
        } else {
            condition
        };
        self.depth -= 1;
        value
    }

    fn binary(&mut self, min: u8) -> Value {
        let mut left = self.unary();
        while let Some(kind) = self.peek()
            && let Some(level) = precedence(kind)
            && level >= min
        {
            self.at += 1;
            let right = self.binary(level + 1);
            left = combine(kind, left, right);
        }
        left
    }

    fn unary(&mut self) -> Value {
        self.depth += 1;
        let value = self.unary_inner();
        self.depth -= 1;
        value
    }

    fn unary_inner(&mut self) -> Value {
        let Some(&tok) = self.tokens.get(self.at).filter(|_| self.depth < 100) else {
            self.broken = true;
            return Value::Unknown(true);
        };
        self.at += 1;
        let known = |value: Value, f: fn(i128) -> i128| match value.settled() {
            Value::Known(v) => Value::Known(f(v)),
            unknown => unknown,
        };
        match tok.kind {
            TokenKind::Bang => not(self.unary()),
            TokenKind::Minus => known(self.unary(), i128::wrapping_neg),
            TokenKind::Plus => self.unary(),
            TokenKind::Tilde => known(self.unary(), |v| !v),
            TokenKind::LParen => {
                let value = self.conditional();
                self.broken |= !self.eat(TokenKind::RParen);
                value
            }
            TokenKind::Number => number(tok.text.as_str()).map_or(Value::Unknown(true), Value::Known),
            TokenKind::Char => Value::Known(character(tok.text.as_str())),
            TokenKind::Ident => self.name(tok.text),
            _ => {
                self.broken = true;
                Value::Unknown(true)
            }
        }
    }

    fn name(&mut self, name: Symbol) -> Value {
        if name == names().defined {
            let open = self.eat(TokenKind::LParen);
            let Some(&of) = self.tokens.get(self.at) else {
                self.broken = true;
                return Value::Unknown(true);
            };
            self.at += 1;
            self.broken |= of.kind != TokenKind::Ident || (open && !self.eat(TokenKind::RParen));
            return self.walker.defined(of.text);
        }
        if self.peek() != Some(TokenKind::LParen) {
            return self.walker.word(name);
        }
        let from = self.at + 1;
        self.skip_arguments();
        let arguments = &self.tokens[from.min(self.at)..self.at.saturating_sub(1).max(from.min(self.at))];
        if name == names().has_include || name == names().has_include_next {
            return self.has_include(arguments);
        }
        if is_kernel_test(name)
            && let [argument] = arguments
        {
            return self.walker.defined(argument.text);
        }
        // `__has_attribute`, `__has_builtin`: a current GCC has what is asked for.
        Value::Unknown(!name.as_str().contains("feature"))
    }

    fn has_include(&self, arguments: &[Tok]) -> Value {
        let text: String = arguments.iter().map(|tok| tok.spelling()).collect();
        let system = text.starts_with('<');
        let name = text.trim_matches(['<', '>', '"']);
        if self.walker.pp.find_include(self.file, name, system) != NONE
            || super::include::is_standard_header(name)
        {
            return Value::Known(1);
        }
        Value::Unknown(true)
    }

    fn skip_arguments(&mut self) {
        let mut depth = 0;
        while let Some(kind) = self.peek() {
            self.at += 1;
            match kind {
                TokenKind::LParen => depth += 1,
                TokenKind::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
        self.broken = true;
    }
}

fn precedence(kind: TokenKind) -> Option<u8> {
    use TokenKind::*;
    Some(match kind {
        Comma => 0,
        PipePipe => 1,
        AmpAmp => 2,
        Pipe => 3,
        Caret => 4,
        Amp => 5,
        EqEq | Ne => 6,
        Lt | Gt | Le | Ge => 7,
        Shl | Shr => 8,
        Plus | Minus => 9,
        Star | Slash | Percent => 10,
        _ => return None,
    })
}

fn combine(kind: TokenKind, left: Value, right: Value) -> Value {
    use TokenKind::*;
    // Two names that nobody defines are equal by the language, yet what is compared is a
    // configuration that is not here: `#if BYTE_ORDER == BIG_ENDIAN_ORDER`.
    if left == Value::Absent && right == Value::Absent && matches!(kind, EqEq | Ne | Lt | Gt | Le | Ge) {
        return Value::Unknown(matches!(kind, Ne | Gt | Ge));
    }
    let (left, right) = (left.settled(), right.settled());
    let (Value::Known(a), Value::Known(b)) = (left, right) else {
        return match kind {
            AmpAmp if left == Value::Known(0) || right == Value::Known(0) => Value::Known(0),
            AmpAmp => Value::Unknown(left.truth() && right.truth()),
            PipePipe if is_true(left) || is_true(right) => Value::Known(1),
            PipePipe => Value::Unknown(left.truth() || right.truth()),
            Comma => right,
            _ => Value::Unknown(true),
        };
    };
    Value::Known(match kind {
        Comma => b,
        PipePipe => i128::from(a != 0 || b != 0),
        AmpAmp => i128::from(a != 0 && b != 0),
        Pipe => a | b,
        Caret => a ^ b,
        Amp => a & b,
        EqEq => i128::from(a == b),
        Ne => i128::from(a != b),
        Lt => i128::from(a < b),
        Gt => i128::from(a > b),
        Le => i128::from(a <= b),
        Ge => i128::from(a >= b),
        Shl if (0..64).contains(&b) => a.wrapping_shl(b as u32),
        Shr if (0..64).contains(&b) => a >> b,
        Plus => a.wrapping_add(b),
        Minus => a.wrapping_sub(b),
        Star => a.wrapping_mul(b),
        Slash if b != 0 => a.wrapping_div(b),
        Percent if b != 0 => a.wrapping_rem(b),
        _ => return Value::Unknown(true),
    })
}

fn is_true(value: Value) -> bool {
    matches!(value, Value::Known(v) if v != 0)
}

/// An integer constant with its suffixes; nothing if it is none.
fn number(text: &str) -> Option<i128> {
    let text = text.replace('\'', "");
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = if let Some(hex) = lower.strip_prefix("0x") {
        (hex, 16)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (binary, 2)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    let digits = digits.trim_end_matches(['u', 'l', 'z']);
    if digits.is_empty() {
        return (radix == 8).then_some(0);
    }
    u64::from_str_radix(digits, radix).ok().map(i128::from)
}

/// The value of a character constant.
fn character(text: &str) -> i128 {
    let inner = text.trim_start_matches(['L', 'u', 'U', '8']).trim_matches('\'');
    let mut chars = inner.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some(escape)) => match escape {
            'n' => 10,
            't' => 9,
            'r' => 13,
            '0'..='7' => i128::from_str_radix(&inner[1..], 8).unwrap_or(0),
            'x' => i128::from_str_radix(&inner[2..], 16).unwrap_or(0),
            other => other as i128,
        },
        (Some(c), _) => c as i128,
        _ => 0,
    }
}
