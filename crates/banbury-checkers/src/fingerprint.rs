//! Identity of a finding across releases.

use std::fmt::Write;

use banbury_base::{Digest, Span, StableHasher, Symbol};
use banbury_ir::{
    Base, Callee, Const, Function, Index, LocalId, Op, Operand, Place, Program, Proj, Rvalue, Terminator,
};
use rustc_hash::FxHashMap;

/// The fingerprint of a finding before the ordinal among equals is added: rule, function, and
/// the code at the sink with locals numbered in the order they appear, so that neither line
/// numbers nor names of locals enter.
pub(crate) fn sink_digest(
    program: &Program,
    function: Option<&Function>,
    rule: &str,
    name: Symbol,
    span: Span,
    message: &str,
) -> StableHasher {
    let mut hasher = StableHasher::new();
    hasher.str(rule).str(name.as_str());
    let text = function.map(|f| sink_text(program, f, span)).unwrap_or_default();
    if text.is_empty() {
        let plain: String = message.chars().filter(|c| !c.is_ascii_digit()).collect();
        hasher.str(&plain);
    } else {
        hasher.str(&text);
    }
    hasher
}

/// Adds the ordinal among findings that are otherwise equal.
pub(crate) fn with_ordinal(mut hasher: StableHasher, ordinal: u32) -> Digest {
    hasher.u64(u64::from(ordinal));
    hasher.finish()
}

/// The instructions at the span, or on its line if none has exactly that span.
fn sink_text(program: &Program, function: &Function, span: Span) -> String {
    let exact = render(program, function, |s| s == span);
    if !exact.is_empty() {
        return exact;
    }
    render(program, function, |s| s.line == span.line && s.file == span.file)
}

fn render(program: &Program, function: &Function, at: impl Fn(Span) -> bool) -> String {
    let mut text = Text { program, numbers: FxHashMap::default(), out: String::new() };
    for block in &function.blocks {
        for instr in &block.instrs {
            if at(instr.span) {
                text.op(&instr.op);
                text.out.push(';');
            }
        }
        if at(block.term_span) {
            text.terminator(&block.term);
            text.out.push(';');
        }
    }
    text.out
}

struct Text<'a> {
    program: &'a Program,
    numbers: FxHashMap<LocalId, usize>,
    out: String,
}

impl Text<'_> {
    fn local(&mut self, id: LocalId) {
        let next = self.numbers.len();
        let number = *self.numbers.entry(id).or_insert(next);
        let _ = write!(self.out, "%{number}");
    }

    fn index(&mut self, index: Index) {
        match index {
            Index::Const(value) => {
                let _ = write!(self.out, "[{value}]");
            }
            Index::Local(id) => {
                self.out.push('[');
                self.local(id);
                self.out.push(']');
            }
        }
    }

    fn place(&mut self, place: &Place) {
        match place.base {
            Base::Local(id) => self.local(id),
            Base::Global(id) => {
                let name = self.program.globals.get(id.index()).map_or("?", |g| g.name.as_str());
                let _ = write!(self.out, "@{name}");
            }
        }
        for proj in &place.proj {
            match proj {
                Proj::Deref => self.out.push('*'),
                Proj::At(index) => {
                    self.out.push_str("->");
                    self.index(*index);
                }
                Proj::Elem(index) => self.index(*index),
                Proj::Field(field) => {
                    let _ = write!(self.out, ".{}", field.name);
                }
            }
        }
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Copy(place) => self.place(place),
            Operand::Const(constant) => {
                let _ = match constant {
                    Const::Int(value, _) => write!(self.out, "{value}"),
                    Const::Float(value, _) => write!(self.out, "{value:?}"),
                    Const::Str { text, .. } => write!(self.out, "{:?}", text.as_str()),
                    Const::Func(name) => write!(self.out, "&{name}"),
                    Const::GlobalAddr(id, offset) => {
                        let name = self.program.globals.get(id.index()).map_or("?", |g| g.name.as_str());
                        write!(self.out, "&@{name}+{offset}")
                    }
                    Const::UnknownInt(_) => write!(self.out, "?"),
                };
            }
        }
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Assign { dst, src } => {
                self.place(dst);
                self.out.push('=');
                self.rvalue(src);
            }
            Op::Call { dst, callee, args } => {
                if let Some(dst) = dst {
                    self.place(dst);
                    self.out.push('=');
                }
                match callee {
                    Callee::Direct(name) => self.out.push_str(name.as_str()),
                    Callee::Indirect(pointer) => self.operand(pointer),
                    Callee::Virtual(class, method) => {
                        let _ = write!(self.out, "{class}::{method}");
                    }
                }
                for arg in args {
                    self.out.push(',');
                    self.operand(arg);
                }
            }
            Op::Zero(place) => {
                self.out.push_str("zero ");
                self.place(place);
            }
            Op::Declare(_) | Op::Dead(_) | Op::Opaque => {}
        }
    }

    fn rvalue(&mut self, rvalue: &Rvalue) {
        match rvalue {
            Rvalue::Use(operand) => self.operand(operand),
            Rvalue::Unary(op, operand) => {
                let _ = write!(self.out, "{op:?} ");
                self.operand(operand);
            }
            Rvalue::Binary(op, a, b) => {
                self.operand(a);
                self.out.push_str(op.sign());
                self.operand(b);
            }
            Rvalue::Cast(ty, operand) => {
                let _ = write!(self.out, "({})", self.program.types.name(*ty));
                self.operand(operand);
            }
            Rvalue::AddrOf(place) => {
                self.out.push('&');
                self.place(place);
            }
            Rvalue::PtrAdd { ptr, index, negative, .. } => {
                self.operand(ptr);
                self.out.push_str(if *negative { "-p" } else { "+p" });
                self.operand(index);
            }
        }
    }

    fn terminator(&mut self, term: &Terminator) {
        match term {
            Terminator::Branch { cond, .. } => {
                self.out.push_str("if ");
                self.operand(cond);
            }
            Terminator::Switch { value, .. } => {
                self.out.push_str("switch ");
                self.operand(value);
            }
            Terminator::Return(value) => {
                self.out.push_str("return ");
                if let Some(value) = value {
                    self.operand(value);
                }
            }
            Terminator::Goto(_) | Terminator::Unreachable => {}
        }
    }
}
