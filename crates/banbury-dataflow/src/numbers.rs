//! Arithmetic: exact where linear, wrapped where the type says so, bounded otherwise.

use banbury_base::Symbol;
use banbury_ir::{BinOp, Const, Operand, Type, TypeId, TypeTable};

use crate::interp::Interp;
use crate::state::State;
use crate::value::{AtomKind, MAX, MIN, V};

/// The largest number of as many bits.
pub(crate) fn all_bits(top: i128) -> Option<i128> {
    (0..MAX).contains(&top).then(|| (top as u128 + 1).next_power_of_two() as i128 - 1)
}

impl Interp<'_> {
    pub fn compare(&mut self, st: &mut State, op: BinOp, a: V, b: V, unsigned: bool) -> V {
        if let Some(truth) = st.decide(&mut self.a, op, a, b) {
            return self.a.int(i128::from(truth));
        }
        if a == V::UNINIT || b == V::UNINIT {
            let atom = self.a.fresh(0, 1);
            return self.a.of_atom(atom);
        }
        // `cond != 0`, where the condition is itself a comparison.
        if op == BinOp::Ne && b == V::ZERO {
            if let Some(atom) = self.a.as_atom(a) {
                if matches!(self.a.info(atom).kind, AtomKind::Cmp(..)) {
                    return a;
                }
            }
        }
        let atom = self.a.atom(AtomKind::Cmp(op, a, b, unsigned), 0, 1);
        let taint = match self.a.taint_of(a) {
            0 => self.a.taint_of(b),
            t => t,
        };
        self.a.info_mut(atom).taint = taint;
        self.a.of_atom(atom)
    }

    pub fn binary(
        &mut self,
        st: &mut State,
        op: BinOp,
        a: V,
        b: V,
        ty: Option<TypeId>,
        result: Option<TypeId>,
    ) -> V {
        if a == V::UNINIT || b == V::UNINIT {
            return self.typed_fresh(result.unwrap_or(TypeTable::UNKNOWN), Symbol::EMPTY);
        }
        if op.is_comparison() {
            let unsigned = ty.and_then(|t| self.types().int_info(t)).is_some_and(|(_, signed)| !signed)
                || ty.is_some_and(|t| self.types().is_pointer(t));
            return self.compare(st, op, a, b, unsigned);
        }
        let info = result.and_then(|t| self.types().int_info(t));
        match op {
            BinOp::Add => {
                let v = self.a.add(a, b);
                self.check_fits(st, v, info, false, (a, b));
                self.wrapped(st, v, info)
            }
            BinOp::Sub => {
                let v = self.a.sub(a, b);
                self.check_fits(st, v, info, true, (a, b));
                self.wrapped(st, v, info)
            }
            BinOp::Mul => self.multiply(st, a, b, info),
            BinOp::PtrDiff => {
                self.check_distance(st, a, b);
                let d = self.a.sub(a, b);
                let size = ty
                    .and_then(|t| self.types().pointee(t))
                    .and_then(|t| self.types().size_of(t))
                    .map_or(1, i128::from)
                    .max(1);
                self.divide(st, BinOp::Div, d, size)
            }
            BinOp::Div | BinOp::Rem => {
                self.check_divisor(st, b);
                match st.constant(&self.a, b) {
                    Some(k) if k > 0 => match op {
                        BinOp::Div => self.divide(st, op, a, k),
                        _ => self.remainder(st, a, k),
                    },
                    _ if op == BinOp::Rem => self.remainder_of_unknown(st, a, b, info),
                    _ => self.nonlinear(st, op, a, b, info, None),
                }
            }
            BinOp::Shl => match st.constant(&self.a, b) {
                Some(k) if (0..63).contains(&k) => {
                    let by = self.a.int(1i128 << k);
                    // Bits shifted out of an unsigned value are meant to go.
                    match info {
                        Some((_, false)) => self.quiet(|this| this.multiply(st, a, by, info)),
                        // Into the sign bit: a mask, as every compiler takes it.
                        Some((bits, true)) if self.fits_unsigned(st, a, k, bits) => {
                            self.quiet(|this| this.multiply(st, a, by, info))
                        }
                        _ => self.multiply(st, a, by, info),
                    }
                }
                _ => self.nonlinear(st, op, a, b, info, None),
            },
            BinOp::Shr => match st.constant(&self.a, b) {
                Some(k) if (0..63).contains(&k) && st.bounds(&self.a, a).0 >= 0 => {
                    let (lo, hi) = st.bounds(&self.a, a);
                    if lo == hi {
                        return self.a.int(lo >> k);
                    }
                    self.nonlinear(st, op, a, b, info, Some((lo >> k, if hi >= MAX { MAX } else { hi >> k })))
                }
                _ => self.nonlinear(st, op, a, b, info, None),
            },
            BinOp::And => self.bit_and(st, a, b, info),
            BinOp::Or | BinOp::Xor => {
                let (x, y) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
                if let (Some(p), Some(q)) = (st.constant(&self.a, a), st.constant(&self.a, b)) {
                    return self.a.int(if op == BinOp::Or { p | q } else { p ^ q });
                }
                if b == V::ZERO {
                    return a;
                }
                if a == V::ZERO {
                    return b;
                }
                let bounds = (x.0 >= 0 && y.0 >= 0).then(|| all_bits(x.1.max(y.1))).flatten();
                let bounds = bounds.map(|all| (if op == BinOp::Or { x.0.max(y.0) } else { 0 }, all));
                self.nonlinear(st, op, a, b, info, bounds)
            }
            _ => self.nonlinear(st, op, a, b, info, None),
        }
    }

    /// Whether a number of one bit or octet, shifted left by `by`, stays among `bits` bits.
    fn fits_unsigned(&self, st: &State, v: V, by: i128, bits: u16) -> bool {
        let (lo, hi) = st.bounds(&self.a, v);
        lo >= 0 && hi < MAX && bits <= 64 && hi << by < 1 << bits
    }

    fn bit_and(&mut self, st: &mut State, a: V, b: V, info: Option<(u16, bool)>) -> V {
        let (x, y) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
        if let (Some(p), Some(q)) = (st.constant(&self.a, a), st.constant(&self.a, b)) {
            return self.a.int(p & q);
        }
        for (v, (lo, hi), (mask_lo, mask)) in [(a, x, y), (b, y, x)] {
            if mask_lo == mask && mask >= 0 && lo >= 0 && hi <= mask && (mask + 1) & mask == 0 {
                return v;
            }
        }
        let top = match (x.0 >= 0, y.0 >= 0) {
            (true, true) => x.1.min(y.1),
            (true, false) => x.1,
            (false, true) => y.1,
            _ => return self.nonlinear(st, BinOp::And, a, b, info, None),
        };
        self.nonlinear(st, BinOp::And, a, b, info, Some((0, top)))
    }

    fn multiply(&mut self, st: &mut State, a: V, b: V, info: Option<(u16, bool)>) -> V {
        let v = match (st.constant(&self.a, a), st.constant(&self.a, b)) {
            (_, Some(k)) => self.a.scale(a, k),
            (Some(k), _) => self.a.scale(b, k),
            _ => {
                let (x, y) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
                let corners = [(x.0, y.0), (x.0, y.1), (x.1, y.0), (x.1, y.1)]
                    .map(|(p, q)| p.clamp(-(1 << 63), 1 << 64).saturating_mul(q.clamp(-(1 << 62), 1 << 62)));
                let lo = corners.iter().min().copied().unwrap_or(MIN).max(MIN);
                let hi = corners.iter().max().copied().unwrap_or(MAX).min(MAX);
                self.nonlinear(st, BinOp::Mul, a, b, None, Some((lo, hi)))
            }
        };
        self.check_fits(st, v, info, false, (a, b));
        self.wrapped(st, v, info)
    }

    fn divide(&mut self, st: &mut State, op: BinOp, a: V, k: i128) -> V {
        if k == 1 {
            return a;
        }
        let lin = self.a.lin(a).clone();
        if lin.k % k == 0 && lin.terms.iter().all(|&(_, c)| i128::from(c) % k == 0) {
            let mut out = self.a.int(lin.k / k);
            for (atom, c) in lin.terms {
                let atom = self.a.of_atom(atom);
                let term = self.a.scale(atom, i128::from(c) / k);
                out = self.a.add(out, term);
            }
            return out;
        }
        let (lo, hi) = st.bounds(&self.a, a);
        let by = self.a.int(k);
        let bounds = (if lo <= MIN { MIN } else { lo / k }, if hi >= MAX { MAX } else { hi / k });
        let v = self.nonlinear(st, op, a, by, None, Some(bounds));
        // k * v <= a for non-negative a.
        if lo >= 0 {
            let scaled = self.a.scale(v, k);
            let d = self.a.sub(scaled, a);
            st.assume_le0(&mut self.a, d);
        }
        v
    }

    fn remainder(&mut self, st: &mut State, a: V, k: i128) -> V {
        let (lo, hi) = st.bounds(&self.a, a);
        if lo == hi {
            return self.a.int(lo % k);
        }
        if lo >= 0 && hi < k {
            return a;
        }
        let by = self.a.int(k);
        let bounds = (if lo >= 0 { 0 } else { 1 - k }, (k - 1).min(if hi < 0 { 0 } else { hi }));
        self.nonlinear(st, BinOp::Rem, a, by, None, Some(bounds))
    }

    /// `a % b` lies below `b`, whatever the two are.
    fn remainder_of_unknown(&mut self, st: &mut State, a: V, b: V, info: Option<(u16, bool)>) -> V {
        let ((lo, hi), by) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
        let bounds = (lo >= 0 && by.0 >= 0).then(|| (0, hi.min((by.1 - 1).max(0))));
        let v = self.nonlinear(st, BinOp::Rem, a, b, info, bounds);
        if bounds.is_some() {
            let d = self.a.sub(v, b);
            let below = self.a.plus(d, 1);
            st.assume_le0(&mut self.a, below);
        }
        v
    }

    fn nonlinear(
        &mut self,
        st: &mut State,
        op: BinOp,
        a: V,
        b: V,
        info: Option<(u16, bool)>,
        bounds: Option<(i128, i128)>,
    ) -> V {
        let by_type = info.map_or((MIN, MAX), int_bounds);
        let atom = self.a.atom(AtomKind::Op(op, a, b, info.map_or(0, |i| i.0)), by_type.0, by_type.1);
        let taint = match self.a.taint_of(a) {
            0 => self.a.taint_of(b),
            t => t,
        };
        let name = self.name_of(a);
        let target = self.a.info_mut(atom);
        target.taint = taint;
        if target.name.is_empty() {
            target.name = name;
        }
        if let Some((lo, hi)) = bounds {
            let old = st.bounds_of_atom(&self.a, atom);
            let new = (lo.max(old.0), hi.min(old.1));
            if new.0 <= new.1 {
                st.set_bounds(atom, new);
            }
        }
        self.a.of_atom(atom)
    }

    /// The value modulo the range of a type, where wrapping is what the language defines.
    pub fn modulo(&mut self, st: &mut State, v: V, bits: u16, signed: bool) -> V {
        if v == V::UNINIT {
            return v;
        }
        if let Some(k) = self.a.constant(v) {
            return self.a.int(wrap(k, bits, signed));
        }
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds((bits, signed));
        if lo >= min && hi <= max {
            return v;
        }
        let atom = self.a.atom(AtomKind::Wrap(v, bits, signed), min, max);
        self.a.info_mut(atom).taint = self.a.taint_of(v);
        self.a.of_atom(atom)
    }

    /// The value as a variable of the type holds it. Values that may not fit keep their exact
    /// form: what happens when they do not is for [`Need::Fits`] to say.
    fn wrapped(&mut self, st: &mut State, v: V, info: Option<(u16, bool)>) -> V {
        let Some((bits, signed)) = info else { return v };
        if let Some(k) = self.a.constant(v) {
            return self.a.int(wrap(k, bits, signed));
        }
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds((bits, signed));
        if lo > max || hi < min {
            let atom = self.a.atom(AtomKind::Wrap(v, bits, signed), min, max);
            return self.a.of_atom(atom);
        }
        v
    }

    pub fn cast(&mut self, st: &mut State, v: V, from: Option<TypeId>, to: TypeId) -> V {
        if v == V::UNINIT {
            return v;
        }
        let types = self.types();
        if types.is_pointer(to) {
            self.as_pointer(v);
            self.shape_memory(v, to);
            return v;
        }
        let Some((bits, signed)) = types.int_info(to) else { return v };
        if types.int_info(to) == Some((1, false)) && !matches!(from.map(|f| types.get(f)), Some(Type::Bool)) {
            return self.compare(st, BinOp::Ne, v, V::ZERO, false);
        }
        if self.a.base(v).is_some() {
            return v;
        }
        if matches!(from.map(|f| types.get(f)), Some(Type::Float(_))) {
            let out = self.typed_fresh(to, self.name_of(v));
            self.inherit_taint(out, v);
            return out;
        }
        let (min, max) = int_bounds((bits, signed));
        if let Some(k) = self.a.constant(v) {
            self.check_converts(st, v, from, to);
            return self.a.int(wrap(k, bits, signed));
        }
        let (lo, hi) = st.bounds(&self.a, v);
        if lo >= min && hi <= max {
            return v;
        }
        let source = from.and_then(|f| types.int_info(f));
        // A wider type holds all that the narrower one does, whatever loops made of the bounds.
        if source.is_some_and(|s| int_bounds(s).0 >= min && int_bounds(s).1 <= max) {
            return v;
        }
        self.check_converts(st, v, from, to);
        // An unsigned difference that may have wrapped keeps its exact form.
        if let Some((from_bits, false)) = source {
            if bits >= from_bits && lo < 0 && hi <= max {
                return v;
            }
        }
        let atom = self.a.atom(AtomKind::Wrap(v, bits, signed), min, max);
        let taint = self.a.taint_of(v);
        let name = self.name_of(v);
        let target = self.a.info_mut(atom);
        target.taint = taint;
        if target.name.is_empty() {
            target.name = name;
        }
        target.ty = to;
        let wrapped = self.a.of_atom(atom);
        if lo >= 0 {
            // Cutting a number down does not make it larger.
            let d = self.a.sub(wrapped, v);
            st.assume_le0(&mut self.a, d);
        }
        wrapped
    }

    /// New memory is what its address is first converted to.
    fn shape_memory(&mut self, v: V, to: TypeId) {
        let Some(atom) = self.a.as_atom(v) else { return };
        let info = self.a.info(atom);
        let raw = || {
            self.types()
                .pointee(info.ty)
                .is_none_or(|t| matches!(self.types().get(t), Type::Void | Type::Unknown))
        };
        if matches!(info.kind, AtomKind::Alloc(..)) && raw() {
            self.a.info_mut(atom).ty = to;
        }
    }

    pub fn inherit_taint(&mut self, to: V, from: V) {
        let taint = self.a.taint_of(from);
        if taint != 0 {
            if let Some(atom) = self.a.as_atom(to) {
                self.a.info_mut(atom).taint = taint;
            }
        }
    }

    pub fn name_of(&self, v: V) -> Symbol {
        if v == V::UNINIT {
            return Symbol::EMPTY;
        }
        let lin = self.a.lin(v);
        lin.terms.iter().map(|&(a, _)| self.a.info(a).name).find(|n| !n.is_empty()).unwrap_or_default()
    }

    pub fn type_bounds(&self, ty: TypeId) -> (i128, i128) {
        match self.types().get(ty) {
            Type::Int { bits, signed } => int_bounds((*bits, *signed)),
            Type::Bool => (0, 1),
            Type::Pointer(_) => (0, u64::MAX as i128),
            _ => (MIN, MAX),
        }
    }

    pub fn may_be_pointer(&self, ty: TypeId) -> bool {
        matches!(self.types().get(ty), Type::Pointer(_) | Type::Unknown)
    }

    pub fn typed_fresh(&mut self, ty: TypeId, name: Symbol) -> V {
        let (lo, hi) = self.type_bounds(ty);
        let atom = self.a.fresh(lo, hi);
        let pointer = self.types().is_pointer(ty);
        let span = self.span;
        self.a.set_pointer(atom, pointer);
        let info = self.a.info_mut(atom);
        info.name = name;
        info.span = span;
        info.ty = ty;
        self.a.of_atom(atom)
    }

    pub fn operand_type(&self, operand: &Operand) -> Option<TypeId> {
        match operand {
            Operand::Copy(place) => self.f.place_type(place, &self.program.globals, self.types()),
            Operand::Const(Const::Int(_, ty) | Const::Float(_, ty) | Const::UnknownInt(ty)) => Some(*ty),
            _ => None,
        }
    }

    pub fn operand(&mut self, st: &mut State, operand: &Operand) -> V {
        match operand {
            Operand::Copy(place) => self.read_place(st, place),
            Operand::Const(constant) => self.constant(constant),
        }
    }

    pub fn constant(&mut self, constant: &Const) -> V {
        match constant {
            Const::Int(bits, ty) => {
                let k = self.types().int_value(*bits, *ty);
                self.a.int(k)
            }
            Const::Float(..) => self.a.unknown(),
            Const::Str { text, wide, .. } => {
                let atom =
                    self.a.atom(AtomKind::AddrStr(*text, if *wide { 4 } else { 1 }), 1, u64::MAX as i128);
                self.a.of_atom(atom)
            }
            Const::Func(name) => {
                let atom = self.a.atom(AtomKind::AddrFunc(*name), 1, u64::MAX as i128);
                self.a.of_atom(atom)
            }
            Const::GlobalAddr(id, offset) => {
                let atom = self.global_atom(*id);
                let v = self.a.of_atom(atom);
                self.a.plus(v, i128::from(*offset))
            }
            Const::UnknownInt(ty) => self.typed_fresh(*ty, Symbol::EMPTY),
        }
    }
}

pub(crate) fn int_bounds((bits, signed): (u16, bool)) -> (i128, i128) {
    match (bits, signed) {
        (1, _) => (0, 1),
        (bits, _) if bits > 64 => (MIN, MAX),
        (bits, true) => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        (bits, false) => (0, (1i128 << bits) - 1),
    }
}

pub(crate) fn wrap(k: i128, bits: u16, signed: bool) -> i128 {
    if bits > 64 {
        return k;
    }
    let modulus = 1i128 << bits;
    let low = k.rem_euclid(modulus);
    if signed && bits > 1 && low >= modulus / 2 { low - modulus } else { low }
}
