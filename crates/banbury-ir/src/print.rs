//! The readable form of the IR: `banbury ir` prints it, snapshots test it.

use std::fmt::Write;

use crate::{
    Base, BinOp, BlockId, Callee, Const, Function, Index, Op, Operand, Place, Program, Proj, Rvalue,
};
use crate::{Terminator, UnOp};

/// Renders one function, a line per instruction with its source line at the right.
pub fn print_function(program: &Program, function: &Function) -> String {
    let p = Printer { program, function };
    let mut out = String::new();
    let params: Vec<String> = function
        .param_ids()
        .map(|id| format!("{}: {}", p.local(id), p.ty(function.locals[id.index()].ty)))
        .collect();
    let dots = if function.is_variadic { ", ..." } else { "" };
    let _ = writeln!(out, "fn {}({}{dots}) -> {} {{", function.name, params.join(", "), p.ty(function.ret));
    for (index, local) in function.locals.iter().enumerate().skip(function.params as usize) {
        let _ = writeln!(out, "  let {}: {}", p.local(crate::LocalId(index as u32)), p.ty(local.ty));
    }
    for (index, block) in function.blocks.iter().enumerate() {
        let _ = writeln!(out, "b{index}:");
        for instr in &block.instrs {
            let text = p.op(&instr.op);
            line(&mut out, &text, instr.span.line, instr.in_macro.as_str());
        }
        line(&mut out, &p.terminator(&block.term), block.term_span.line, block.term_macro.as_str());
    }
    for gap in &function.gaps {
        let _ = writeln!(out, "  gap at line {}: {}", gap.span.line, gap.reason);
    }
    out.push_str("}\n");
    out
}

fn line(out: &mut String, text: &str, line: u32, in_macro: &str) {
    let _ = write!(out, "  {text:<60} ; {line}");
    if !in_macro.is_empty() {
        let _ = write!(out, " in {in_macro}");
    }
    out.push('\n');
}

struct Printer<'a> {
    program: &'a Program,
    function: &'a Function,
}

impl Printer<'_> {
    fn ty(&self, id: crate::TypeId) -> String {
        self.program.types.name(id)
    }

    fn local(&self, id: crate::LocalId) -> String {
        match self.function.locals.get(id.index()) {
            Some(local) if !local.name.is_empty() => format!("{}.{}", local.name, id.0),
            _ => format!("%{}", id.0),
        }
    }

    fn place(&self, place: &Place) -> String {
        let mut text = match place.base {
            Base::Local(id) => self.local(id),
            Base::Global(id) => {
                self.program.globals.get(id.index()).map_or("@?".into(), |global| format!("@{}", global.name))
            }
        };
        for proj in &place.proj {
            text = match proj {
                Proj::Deref => format!("(*{text})"),
                Proj::At(index) => format!("{text}->[{}]", self.index(*index)),
                Proj::Elem(index) => format!("{text}[{}]", self.index(*index)),
                Proj::Field(field) => format!("{text}.{}", field.name),
            };
        }
        text
    }

    fn index(&self, index: Index) -> String {
        match index {
            Index::Const(value) => value.to_string(),
            Index::Local(id) => self.local(id),
        }
    }

    fn operand(&self, operand: &Operand) -> String {
        match operand {
            Operand::Copy(place) => self.place(place),
            Operand::Const(Const::Int(value, ty)) => {
                format!("{}:{}", self.program.types.int_value(*value, *ty), self.ty(*ty))
            }
            Operand::Const(Const::Float(value, _)) => format!("{value:?}"),
            Operand::Const(Const::Str { text, wide, .. }) => {
                format!("{}{text:?}", if *wide { "L" } else { "" })
            }
            Operand::Const(Const::Func(name)) => format!("&fn {name}"),
            Operand::Const(Const::GlobalAddr(id, offset)) => {
                format!("&@{}+{offset}", self.program.globals[id.index()].name)
            }
            Operand::Const(Const::UnknownInt(ty)) => format!("?:{}", self.ty(*ty)),
        }
    }

    fn op(&self, op: &Op) -> String {
        match op {
            Op::Assign { dst, src } => format!("{} = {}", self.place(dst), self.rvalue(src)),
            Op::Call { dst, callee, args } => {
                let args: Vec<String> = args.iter().map(|a| self.operand(a)).collect();
                let callee = match callee {
                    Callee::Direct(name) => name.to_string(),
                    Callee::Indirect(pointer) => format!("(*{})", self.operand(pointer)),
                    Callee::Virtual(class, method) => format!("virtual {class}::{method}"),
                };
                let call = format!("call {callee}({})", args.join(", "));
                dst.as_ref().map_or(call.clone(), |dst| format!("{} = {call}", self.place(dst)))
            }
            Op::Declare(id) => format!("declare {}", self.local(*id)),
            Op::Dead(id) => format!("dead {}", self.local(*id)),
            Op::Zero(place) => format!("zero {}", self.place(place)),
            Op::Opaque => "opaque".into(),
        }
    }

    fn rvalue(&self, rvalue: &Rvalue) -> String {
        match rvalue {
            Rvalue::Use(operand) => self.operand(operand),
            Rvalue::Unary(op, operand) => {
                let op = match op {
                    UnOp::Neg => "-",
                    UnOp::Not => "~",
                    UnOp::LogicalNot => "!",
                };
                format!("{op}{}", self.operand(operand))
            }
            Rvalue::Binary(op, a, b) => format!("{} {} {}", self.operand(a), op.sign(), self.operand(b)),
            Rvalue::Cast(ty, operand) => format!("{} as {}", self.operand(operand), self.ty(*ty)),
            Rvalue::AddrOf(place) => format!("&{}", self.place(place)),
            Rvalue::PtrAdd { ptr, index, elem, negative } => {
                let sign = if *negative { '-' } else { '+' };
                format!("{} {sign} {} of {}", self.operand(ptr), self.operand(index), self.ty(*elem))
            }
        }
    }

    fn terminator(&self, term: &Terminator) -> String {
        let b = |id: &BlockId| format!("b{}", id.0);
        match term {
            Terminator::Goto(to) => format!("goto {}", b(to)),
            Terminator::Branch { cond, then, other } => {
                format!("if {} then {} else {}", self.operand(cond), b(then), b(other))
            }
            Terminator::Switch { value, cases, default } => {
                let mut text = format!("switch {}", self.operand(value));
                for (low, high, to) in cases {
                    let _ = match low == high {
                        true => write!(text, " {low} -> {},", b(to)),
                        false => write!(text, " {low}..={high} -> {},", b(to)),
                    };
                }
                let _ = write!(text, " else {}", b(default));
                text
            }
            Terminator::Return(Some(value)) => format!("return {}", self.operand(value)),
            Terminator::Return(None) => "return".into(),
            Terminator::Unreachable => "unreachable".into(),
        }
    }
}

impl BinOp {
    /// The operator as it is written in source.
    pub fn sign(self) -> &'static str {
        match self {
            BinOp::Add => "+",
            BinOp::Sub => "-",
            BinOp::Mul => "*",
            BinOp::Div => "/",
            BinOp::Rem => "%",
            BinOp::And => "&",
            BinOp::Or => "|",
            BinOp::Xor => "^",
            BinOp::Shl => "<<",
            BinOp::Shr => ">>",
            BinOp::Eq => "==",
            BinOp::Ne => "!=",
            BinOp::Lt => "<",
            BinOp::Le => "<=",
            BinOp::Gt => ">",
            BinOp::Ge => ">=",
            BinOp::PtrDiff => "-ptr",
        }
    }
}
