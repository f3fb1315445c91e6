//! Assignments, declarations and right-hand sides.

use banbury_base::Symbol;
use banbury_ir::{
    Base, BinOp, FieldRef, Instr, LocalId, Op, Operand, Place, Proj, Rvalue, Type, TypeId, UnOp,
};

use crate::interp::{Interp, Target};
use crate::shapes::is_length_name;
use crate::state::{Content, Life, State};
use crate::summary::AccessKind;
use crate::value::{Atom, AtomKind, V};

impl Interp<'_> {
    pub fn exec(&mut self, st: &mut State, instr: &Instr) {
        match &instr.op {
            Op::Assign { dst, src } => self.assign(st, dst, src),
            Op::Declare(id) => self.declare(st, *id),
            Op::Dead(id) => {
                let atom = self.local_atom(*id);
                if st.object(atom).is_some_and(|o| o.exposed) {
                    let span = self.span;
                    st.object_mut(atom).life = Life::Dead(span);
                }
            }
            Op::Zero(place) => {
                let Some(target) = self.place(st, place, AccessKind::Write) else { return };
                self.zero(st, &target);
            }
            Op::Opaque => self.scramble_all(st),
            Op::Call { .. } => {}
        }
    }

    fn declare(&mut self, st: &mut State, id: LocalId) {
        if self.scalar[id.index()] {
            st.locals[id.index()] = V::UNINIT;
        }
        let atom = self.local_atom(id);
        self.forget_cells(st, atom);
        let object = st.object_mut(atom);
        *object = Default::default();
        object.content = Content::Uninit;
    }

    fn zero(&mut self, st: &mut State, target: &Target) {
        let addr = self.a.plain(target.addr);
        if let Some(local) = self.scalar_local(addr) {
            st.locals[local.index()] = V::ZERO;
            return;
        }
        let Some((base, offset)) = self.a.split(addr) else { return };
        let size = self.types().size_of(target.ty).map(i128::from);
        match self.a.constant(offset) {
            Some(0) if self.covers(st, base, size) => {
                self.forget_cells(st, base);
                let object = st.object_mut(base);
                object.content = Content::Zero;
                object.taint = 0;
                object.strlen = Some(V::ZERO);
                object.filled = None;
            }
            Some(start) => {
                let end = size.map_or(start + 1, |s| start + s);
                self.forget_range(st, base, start, end);
                self.zero_fields(st, addr, target.ty, 0);
            }
            None => self.forget_cells(st, base),
        }
    }

    /// Writes zero cells for the scalar members of a record (nested ones to some depth).
    fn zero_fields(&mut self, st: &mut State, addr: V, ty: TypeId, depth: u32) {
        match self.types().get(ty) {
            Type::Record(record) if depth < 3 => {
                let Some(record) = self.types().record(*record) else { return };
                for field in record.fields.iter().take(40) {
                    if let Some(offset) = field.offset {
                        let at = self.a.plus(addr, i128::from(offset));
                        self.zero_fields(st, at, field.ty, depth + 1);
                    }
                }
            }
            Type::Array(..) | Type::Record(_) => {}
            _ => st.set_cell(addr, V::ZERO),
        }
    }

    fn covers(&mut self, st: &State, base: Atom, size: Option<i128>) -> bool {
        let object = self.object_size(st, base);
        match (object.and_then(|v| self.a.constant(v)), size) {
            (Some(object), Some(size)) => size >= object,
            _ => false,
        }
    }

    fn assign(&mut self, st: &mut State, dst: &Place, src: &Rvalue) {
        // Whole records are copied member by member.
        if let Rvalue::Use(Operand::Copy(from)) = src {
            if let Some(ty) = self.f.place_type(dst, &self.program.globals, self.types()) {
                if matches!(self.types().get(ty), Type::Record(_) | Type::Array(..)) {
                    self.copy_record(st, dst, from, ty);
                    return;
                }
            }
        }
        let v = self.rvalue(st, src, dst);
        self.store_place(st, dst, v);
    }

    fn copy_record(&mut self, st: &mut State, dst: &Place, from: &Place, ty: TypeId) {
        let Some(source) = self.place(st, from, AccessKind::Read) else { return };
        let Some(target) = self.place(st, dst, AccessKind::Write) else { return };
        let size = self.types().size_of(ty).unwrap_or(0);
        let size = self.a.int(i128::from(size));
        self.copy_memory(st, target.addr, source.addr, Some(size));
    }

    pub fn store_place(&mut self, st: &mut State, dst: &Place, v: V) {
        if let Some(local) = dst.as_local() {
            if self.scalar[local.index()] {
                let v = self.named(v, self.f.locals[local.index()].name);
                st.locals[local.index()] = v;
                self.set_unknown_record(st, local);
                return;
            }
        }
        let Some(target) = self.place(st, dst, AccessKind::Write) else { return };
        self.store(st, target.addr, v, target.ty);
    }

    /// A variable of a type that is not known may have members, which are set now.
    fn set_unknown_record(&mut self, st: &mut State, local: LocalId) {
        if !matches!(self.types().get(self.f.locals[local.index()].ty), Type::Unknown) {
            return;
        }
        let atom = self.local_atom(local);
        if st.object(atom).is_some_and(|o| o.content == Content::Uninit) {
            self.forget_cells(st, atom);
            st.object_mut(atom).content = Content::Unknown(self.a.next_number());
        }
    }

    /// Gives an anonymous atom the name of the variable that receives it.
    fn named(&mut self, v: V, name: Symbol) -> V {
        if !name.is_empty() && v != V::UNINIT {
            if let Some(atom) = self.a.as_atom(v) {
                let info = self.a.info(atom);
                // An octet that becomes a length is one, whatever the cursor it was read by.
                let length = || {
                    matches!(info.kind, AtomKind::Load(..))
                        && info.field.is_none()
                        && is_length_name(name.as_str())
                        && !is_length_name(info.name.as_str())
                };
                if info.name.is_empty() || length() {
                    self.a.info_mut(atom).name = name;
                }
            }
        }
        v
    }

    fn rvalue(&mut self, st: &mut State, src: &Rvalue, dst: &Place) -> V {
        match src {
            Rvalue::Use(operand) => self.operand(st, operand),
            Rvalue::AddrOf(place) => self.address_of(st, place),
            Rvalue::Cast(ty, operand) => {
                let v = self.operand(st, operand);
                let from = self.operand_type(operand);
                if let Some(op) = self.narrowed_arithmetic(operand, *ty) {
                    return self.narrow(st, v, op, *ty);
                }
                self.cast(st, v, from, *ty)
            }
            Rvalue::Unary(op, operand) => {
                let v = self.operand(st, operand);
                match op {
                    UnOp::Neg => {
                        let negative = self.a.scale(v, -1);
                        match self.operand_type(operand).and_then(|t| self.types().int_info(t)) {
                            Some((bits, false)) => self.modulo(st, negative, bits, false),
                            _ => negative,
                        }
                    }
                    UnOp::Not => {
                        let negative = self.a.scale(v, -1);
                        let exact = self.a.plus(negative, -1);
                        match self.operand_type(operand).and_then(|t| self.types().int_info(t)) {
                            Some((bits @ ..=64, false)) => {
                                let all = self.a.int((1i128 << bits) - 1);
                                self.a.sub(all, v)
                            }
                            _ => exact,
                        }
                    }
                    UnOp::LogicalNot => self.compare(st, BinOp::Eq, v, V::ZERO, false),
                }
            }
            Rvalue::Binary(op, x, y) => {
                let a = self.operand(st, x);
                let b = self.operand(st, y);
                let ty = self.operand_type(x).filter(|t| self.types().int_info(*t).is_some());
                let ty = ty.or_else(|| self.operand_type(y));
                let result = self.f.place_type(dst, &self.program.globals, self.types());
                self.binary(st, *op, a, b, ty, result)
            }
            Rvalue::PtrAdd { ptr, index, elem, negative } => {
                let p = self.operand(st, ptr);
                let i = self.operand(st, index);
                let size = i128::from(self.types().size_of(*elem).unwrap_or(1));
                let offset = self.a.scale(i, if *negative { -size } else { size });
                self.as_pointer(p);
                self.a.add(p, offset)
            }
        }
    }

    /// `x = x + 1` with a signed `x` narrower than `int`: the sum is made in `int` by the
    /// instruction before and then converted back.
    fn narrowed_arithmetic(&self, operand: &Operand, to: TypeId) -> Option<BinOp> {
        let (bits, true) = self.types().int_info(to)? else { return None };
        let Operand::Copy(place) = operand else { return None };
        let temporary = place.as_local().filter(|l| self.f.locals[l.index()].name.is_empty())?;
        let block = &self.f.blocks[self.block as usize];
        let before = block.instrs.get((self.instr as usize).checked_sub(1)?)?;
        match &before.op {
            Op::Assign { dst, src: Rvalue::Binary(op @ (BinOp::Add | BinOp::Sub | BinOp::Mul), ..) }
                if dst.as_local() == Some(temporary) && (8..32).contains(&bits) =>
            {
                Some(*op)
            }
            _ => None,
        }
    }

    fn narrow(&mut self, st: &mut State, v: V, op: BinOp, to: TypeId) -> V {
        let Some((bits, signed)) = self.types().int_info(to).filter(|_| v != V::UNINIT) else { return v };
        self.check_narrow(st, v, bits, op == BinOp::Sub);
        self.modulo(st, v, bits, signed)
    }

    /// Marks a lone atom that is used as an address.
    pub fn as_pointer(&mut self, v: V) {
        if self.a.base(v).is_none() {
            if let Some(atom) = self.a.as_atom(v) {
                if v != V::UNINIT {
                    self.a.set_pointer(atom, true);
                }
            }
        }
    }

    fn address_of(&mut self, st: &mut State, place: &Place) -> V {
        let Some(target) = self.place_address(st, place) else { return self.a.unknown() };
        let mut addr = target.addr;
        if let Base::Local(id) = place.base {
            if !place.is_behind_pointer() {
                let atom = self.local_atom(id);
                st.object_mut(atom).exposed = true;
            }
        }
        if let Some((start, bytes)) = self.array_member(st, place) {
            let mark = self.a.atom(AtomKind::Sub(start, bytes), 0, 0);
            let mark = self.a.of_atom(mark);
            addr = self.a.add(addr, mark);
        }
        addr
    }

    /// For `&x.array[i]`: address and size of an array that is a member with more members behind
    /// it (a trailing array may stand for any number of elements).
    fn array_member(&mut self, st: &mut State, place: &Place) -> Option<(V, u64)> {
        let (last, before) = place.proj.split_last()?;
        let Proj::Elem(_) = last else { return None };
        let array = Place { base: place.base, proj: before.into() };
        let Some(Proj::Field(field)) = before.last() else { return None };
        let ty = self.f.place_type(&array, &self.program.globals, self.types())?;
        // A trailing array of one element or none stands for any number of them.
        let open_ended =
            matches!(self.types().get(ty), Type::Array(_, count) if count.is_none_or(|c| c <= 1));
        if open_ended && self.is_trailing(field) {
            return None;
        }
        let bytes = self.types().size_of(ty).filter(|&b| b > 0)?;
        let start = self.place_address(st, &array)?.addr;
        Some((self.a.plain(start), bytes))
    }

    /// The address of an array, marked as such if it is a member with more members behind it.
    pub fn decayed(&mut self, place: &Place, addr: V, ty: TypeId) -> V {
        let Some(Proj::Field(field)) = place.proj.last() else { return addr };
        let open_ended =
            matches!(self.types().get(ty), Type::Array(_, count) if count.is_none_or(|c| c <= 1));
        let Some(bytes) = self.types().size_of(ty).filter(|&b| b > 0) else { return addr };
        if open_ended && self.is_trailing(field) {
            return addr;
        }
        let start = self.a.plain(addr);
        let mark = self.a.atom(AtomKind::Sub(start, bytes), 0, 0);
        let mark = self.a.of_atom(mark);
        self.a.add(start, mark)
    }

    pub fn is_trailing(&self, field: &FieldRef) -> bool {
        let Some(record) = field.record.and_then(|r| self.types().record(r)) else { return true };
        let last = record.fields.len().saturating_sub(1);
        field.index as usize >= last || record.kind == banbury_ir::RecordKind::Union
    }
}
