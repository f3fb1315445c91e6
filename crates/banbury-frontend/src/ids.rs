//! Every number of a global, type or record that lowered code holds, to give it another one.

use banbury_ir::{
    Base, Callee, Const, Function, Global, GlobalId, Init, Op, Operand, Place, Proj, RecordId, Rvalue,
    Terminator, TypeId,
};

/// Is shown each number and may change it.
pub(crate) trait Ids {
    fn global(&mut self, _id: &mut GlobalId) {}
    fn ty(&mut self, _id: &mut TypeId) {}
    fn record(&mut self, _id: &mut RecordId) {}
}

pub(crate) fn in_function(function: &mut Function, ids: &mut impl Ids) {
    ids.ty(&mut function.ret);
    function.locals.iter_mut().for_each(|local| ids.ty(&mut local.ty));
    for block in &mut function.blocks {
        block.instrs.iter_mut().for_each(|instr| in_op(&mut instr.op, ids));
        match &mut block.term {
            Terminator::Branch { cond: value, .. }
            | Terminator::Switch { value, .. }
            | Terminator::Return(Some(value)) => in_operand(value, ids),
            Terminator::Goto(_) | Terminator::Return(None) | Terminator::Unreachable => {}
        }
    }
}

pub(crate) fn in_global(global: &mut Global, ids: &mut impl Ids) {
    ids.ty(&mut global.ty);
    in_init(&mut global.init, ids);
}

fn in_init(init: &mut Init, ids: &mut impl Ids) {
    match init {
        Init::Const(constant) => in_constant(constant, ids),
        Init::List(list) => list.iter_mut().for_each(|(_, init)| in_init(init, ids)),
        Init::Zero | Init::Unknown => {}
    }
}

fn in_op(op: &mut Op, ids: &mut impl Ids) {
    match op {
        Op::Assign { dst, src } => {
            in_place(dst, ids);
            in_rvalue(src, ids);
        }
        Op::Call { dst, callee, args } => {
            dst.iter_mut().for_each(|dst| in_place(dst, ids));
            if let Callee::Indirect(pointer) = callee {
                in_operand(pointer, ids);
            }
            args.iter_mut().for_each(|arg| in_operand(arg, ids));
        }
        Op::Zero(place) => in_place(place, ids),
        Op::Declare(_) | Op::Dead(_) | Op::Opaque => {}
    }
}

fn in_rvalue(rvalue: &mut Rvalue, ids: &mut impl Ids) {
    match rvalue {
        Rvalue::Use(a) | Rvalue::Unary(_, a) => in_operand(a, ids),
        Rvalue::Cast(ty, a) => {
            ids.ty(ty);
            in_operand(a, ids);
        }
        Rvalue::Binary(_, a, b) => {
            in_operand(a, ids);
            in_operand(b, ids);
        }
        Rvalue::PtrAdd { ptr, index, elem, .. } => {
            ids.ty(elem);
            in_operand(ptr, ids);
            in_operand(index, ids);
        }
        Rvalue::AddrOf(place) => in_place(place, ids),
    }
}

fn in_place(place: &mut Place, ids: &mut impl Ids) {
    if let Base::Global(id) = &mut place.base {
        ids.global(id);
    }
    for proj in &mut place.proj {
        if let Proj::Field(field) = proj {
            field.record.iter_mut().for_each(|record| ids.record(record));
        }
    }
}

fn in_operand(operand: &mut Operand, ids: &mut impl Ids) {
    match operand {
        Operand::Copy(place) => in_place(place, ids),
        Operand::Const(constant) => in_constant(constant, ids),
    }
}

fn in_constant(constant: &mut Const, ids: &mut impl Ids) {
    match constant {
        Const::Int(_, ty) | Const::Float(_, ty) | Const::UnknownInt(ty) => ids.ty(ty),
        Const::GlobalAddr(id, _) => ids.global(id),
        Const::Str { .. } | Const::Func(_) => {}
    }
}
