use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{
    BinOp, BlockId, Callee, FuncId, Function, LocalId, Op, Operand, Place, Proj, Rvalue, Terminator, Type,
};

use crate::names::words;
use crate::shape::{CallSite, Shape, Source};

pub const RULE: Rule = Rule {
    id: "unbounded-recursion",
    version: 1,
    title: "Recursion without a bound",
    cwe: &[674],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let before = out.len();
    endless(shape, out);
    if out.len() == before {
        nested(shape, out);
    }
}

/// The data decide how deep a function calls itself, and nothing counts.
fn nested(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if shape.function.params == 0 || !shape.function.gaps.is_empty() {
        return;
    }
    for call in &shape.calls {
        if !call.in_macro.is_empty() || shape.model(call.callee).is_some() {
            continue;
        }
        let Some(id) = shape.program.resolve(shape.function.file, call.callee) else { continue };
        let direct = id == shape.func;
        if !direct && id.0 < shape.func.0 {
            continue;
        }
        let feature = match driver(shape, call, shape.program.function(id)) {
            Some(Driver::Bytes) if !produces(shape.function.name) => "recursion.bytes",
            Some(Driver::Structure) if direct && consumes(shape.function.name) => "recursion.structure",
            _ => continue,
        };
        if !direct && !calls_back(shape, id) {
            continue;
        }
        if counts_depth(shape) {
            return;
        }
        let message = if direct {
            format!("'{}' calls itself as deep as the data are nested, without a limit", shape.function.name)
        } else {
            format!(
                "'{}' and '{}' call each other as deep as the data are nested, without a limit",
                shape.function.name, call.callee
            )
        };
        let mut issue = shape.issue(RULE.id, 674, call.span, message);
        issue.features.push((feature, 1.0));
        if !direct {
            issue.features.push(("recursion.mutual", 1.0));
        }
        out.push(issue);
        return;
    }
}

enum Driver {
    /// A part of the bytes that the caller was given, with its length.
    Bytes,
    /// Something reached from what the caller was given.
    Structure,
}

/// What of the caller's input the call hands on.
fn driver(shape: &Shape<'_>, call: &CallSite<'_>, callee: &Function) -> Option<Driver> {
    let types = &shape.program.types;
    let kind = |i: usize| callee.locals.get(i).filter(|_| (i as u32) < callee.params).map(|l| types.get(l.ty));
    let is_bytes = |i: usize| match kind(i) {
        Some(Type::Pointer(to)) => matches!(types.get(*to), Type::Int { bits: 8, .. } | Type::Void),
        _ => false,
    };
    let is_number = |i: usize| matches!(kind(i), Some(Type::Int { bits, .. }) if *bits > 1);
    let moved = |operand: &Operand, i: usize| !is_constant(shape, operand) && !same_param(operand, i);
    let mut structure = false;
    for (i, arg) in call.args.iter().enumerate() {
        let Some(Type::Pointer(_)) = kind(i) else { continue };
        let arg_moved = moved(arg, i);
        if is_bytes(i) && is_number(i + 1) && (arg_moved || call.args.get(i + 1).is_some_and(|n| moved(n, i + 1))) {
            return Some(Driver::Bytes);
        }
        structure |= arg_moved;
    }
    structure.then_some(Driver::Structure)
}

fn is_constant(shape: &Shape<'_>, operand: &Operand) -> bool {
    matches!(operand, Operand::Const(_)) || matches!(operand, Operand::Copy(p) if p.as_local().is_some_and(|id| {
        shape.is_temporary(id)
            && shape.only_definition(id).and_then(|at| shape.instr(at)).is_some_and(
                |i| matches!(&i.op, Op::Assign { src: Rvalue::Use(Operand::Const(_)) | Rvalue::Cast(_, Operand::Const(_)), .. }),
            )
    }))
}

fn same_param(operand: &Operand, index: usize) -> bool {
    matches!(operand, Operand::Copy(p) if p.as_local() == Some(LocalId(index as u32)))
}

fn calls_back(shape: &Shape<'_>, id: FuncId) -> bool {
    let other = shape.program.function(id);
    let back = other.blocks.iter().flat_map(|b| &b.instrs).any(|i| match &i.op {
        Op::Call { callee: Callee::Direct(name), .. } => {
            *name == shape.function.name && shape.program.resolve(other.file, *name) == Some(shape.func)
        }
        _ => false,
    });
    back && !counts_depth(&Shape::of(shape.program, shape.models, id))
}

/// A name speaks of depth, or a number goes one up or down with each call.
fn counts_depth(shape: &Shape<'_>) -> bool {
    let deep = |name: Symbol| {
        words(name.as_str()).iter().any(|w| {
            matches!(
                w.as_str(),
                "depth" | "level" | "levels" | "lvl" | "nest" | "nesting" | "nested" | "recursion" | "recurse" | "recur"
                    | "recursive" | "hops" | "ttl" | "limit" | "visited" | "indent" | "stack" | "remaining" | "loops"
            ) || w.ends_with("depth") || w.ends_with("level")
        })
    };
    let place = |p: &Place| {
        deep(shape.base_name(p.base)) || p.proj.iter().any(|p| matches!(p, Proj::Field(f) if deep(f.name)))
    };
    if shape.function.locals.iter().any(|l| deep(l.name)) {
        return true;
    }
    let named = shape.instrs().any(|(_, i)| match &i.op {
        Op::Assign { dst, src } => {
            let mut found = place(dst);
            crate::shape::for_operands(src, |o| found |= matches!(o, Operand::Copy(p) if place(p)));
            found
        }
        Op::Call { args, .. } => args.iter().any(|o| matches!(o, Operand::Copy(p) if place(p))),
        _ => false,
    });
    let tested = shape.function.blocks.iter().any(|b| match &b.term {
        Terminator::Branch { cond: Operand::Copy(p), .. } => place(p),
        _ => false,
    });
    named || tested || shape.calls.iter().any(|c| c.args.iter().any(|a| is_step(shape, a)))
}

/// `param + 1` or `param - 1` of a number.
fn is_step(shape: &Shape<'_>, operand: &Operand) -> bool {
    let Operand::Copy(p) = operand else { return false };
    let Some(at) = p.as_local().and_then(|id| shape.only_definition(id)) else { return false };
    match shape.instr(at).map(|i| &i.op) {
        Some(Op::Assign { src: Rvalue::Binary(BinOp::Add | BinOp::Sub, a, b), .. }) => {
            let param = matches!(shape.source(a), Source::Place(p) if p.as_local().is_some_and(|l| l.0 < shape.function.params));
            param && shape.int(b) == Some(1)
        }
        Some(Op::Assign { src: Rvalue::Cast(_, inner), .. }) => is_step(shape, inner),
        _ => false,
    }
}

/// The name says that it makes the bytes itself.
fn produces(name: Symbol) -> bool {
    words(name.as_str()).iter().any(|w| {
        matches!(
            w.as_str(),
            "render" | "encode" | "build" | "write" | "put" | "serialize" | "pack" | "create" | "emit" | "append" | "fill"
                | "sort" | "qsort" | "search" | "bsearch" | "free" | "delete" | "destroy"
        )
    })
}

/// The name says that it reads what others wrote.
fn consumes(name: Symbol) -> bool {
    words(name.as_str()).iter().any(|w| {
        matches!(
            w.as_str(),
            "parse" | "parser" | "decode" | "read" | "load" | "import" | "print" | "process" | "subtree" | "eval"
                | "evaluate" | "expand" | "dissect" | "unpack" | "deserialize" | "validate" | "resolve" | "match"
        )
    })
}

/// Every way from the entry to a return calls the function itself.
fn endless(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let own: Vec<_> = shape
        .calls
        .iter()
        .filter(|c| {
            c.callee == shape.function.name
                && c.in_macro.is_empty()
                && shape.model(c.callee).is_none()
                && shape.program.resolve(shape.function.file, c.callee) == Some(shape.func)
        })
        .collect();
    let Some(first) = own.first() else { return };
    if !shape.function.gaps.is_empty() {
        return;
    }
    let calls_itself = |id: BlockId| own.iter().any(|c| c.at.block == id);
    let before = shape.reachable(BlockId(0), calls_itself);
    let ends = before.iter().enumerate().any(|(index, reached)| {
        *reached
            && shape
                .block(BlockId(index as u32))
                .is_some_and(|b| matches!(b.term, Terminator::Return(_) | Terminator::Unreachable))
    });
    // Some other way out before the call: a call that does not return.
    let leaves = shape.calls.iter().any(|c| {
        shape.model(c.callee).is_some_and(|m| m.effects.iter().any(|e| matches!(e, Effect::NoReturn)))
    });
    let reaches_itself = own.iter().any(|c| {
        c.at.block == BlockId(0)
            || shape.predecessors().get(c.at.block.index()).is_some_and(|p| {
                p.iter().any(|b| before.get(b.index()).copied().unwrap_or(false))
            })
    });
    if !ends && !leaves && reaches_itself {
        let message = format!("every path through '{}' calls it again: the recursion has no end", shape.function.name);
        let mut issue = shape.issue(RULE.id, 674, first.span, message);
        issue.features.push(("certain", 1.0));
        out.push(issue);
    }
}
