//! Places, loads and stores, and what is forgotten when memory may have changed.

use banbury_base::{StepKind, Symbol};
use banbury_ir::{Base, Index, Init, LocalId, Place, Proj, RecordId, Type, TypeId, TypeTable};
use smallvec::SmallVec;

use crate::interp::{Interp, Target};
use crate::models::SourceKind;
use crate::numbers::{int_bounds, wrap};
use crate::shapes::is_length_name;
use crate::state::{Content, Life, Object, Part, State, is_named};
use crate::summary::AccessKind;
use crate::value::{Arena, Atom, AtomKind, Taint, V};

/// Objects followed from one pointer.
const MAX_REACHED: usize = 12;

impl Interp<'_> {
    pub fn local_atom(&mut self, id: LocalId) -> Atom {
        // A record passed by value is, until it is written, the caller's: its members are looked
        // up there when the summary is applied.
        if id.0 < self.f.params && matches!(self.types().get(self.f.locals[id.index()].ty), Type::Record(_)) {
            let atom = self.a.atom(AtomKind::Param(id.0), 1, u64::MAX as i128);
            self.a.info_mut(atom).pointer = true;
            return atom;
        }
        self.a.atom(AtomKind::AddrLocal(id), 1, u64::MAX as i128)
    }

    /// Whether the address is that of this function's own copy of a record.
    pub fn is_record_param(&self, atom: Atom) -> bool {
        match self.a.info(atom).kind {
            AtomKind::Param(i) => self
                .f
                .locals
                .get(i as usize)
                .is_some_and(|l| matches!(self.types().get(l.ty), Type::Record(_))),
            _ => false,
        }
    }

    pub fn global_atom(&mut self, id: banbury_ir::GlobalId) -> Atom {
        self.a.atom(AtomKind::AddrGlobal(id), 1, u64::MAX as i128)
    }

    /// The scalar local that lives at the address.
    pub fn scalar_local(&self, addr: V) -> Option<LocalId> {
        let atom = self.a.as_atom(addr)?;
        match self.a.info(atom).kind {
            AtomKind::AddrLocal(id) if self.scalar.get(id.index()) == Some(&true) => Some(id),
            _ => None,
        }
    }

    pub fn read_place(&mut self, st: &mut State, place: &Place) -> V {
        if let Some(local) = place.as_local() {
            if self.scalar[local.index()] {
                let v = st.locals[local.index()];
                if v == V::UNINIT {
                    return self.read_uninit_local(st, local);
                }
                return v;
            }
        }
        let Some(target) = self.place(st, place, AccessKind::Read) else { return self.a.unknown() };
        match self.types().get(target.ty) {
            Type::Record(_) => return target.addr,
            Type::Array(..) => return self.decayed(place, target.addr, target.ty),
            _ => {}
        }
        let v = self.load(st, target.addr, target.ty, target.name, target.field);
        // A record whose header is not part of the release has no members to know it by.
        if let (true, Some(atom)) = (target.kernels && v != V::UNINIT, self.a.as_atom(v)) {
            self.a.info_mut(atom).taint = 0;
        }
        if v == V::UNINIT {
            self.report_uninit(st, variable_of(place), target.name, target.ty);
            let v = self.typed_fresh(target.ty, target.name);
            self.store(st, target.addr, v, target.ty);
            return v;
        }
        v
    }

    fn read_uninit_local(&mut self, st: &mut State, local: LocalId) -> V {
        let decl = &self.f.locals[local.index()];
        let v = self.typed_fresh(decl.ty, decl.name);
        let atom = self.local_atom(local);
        if !decl.name.is_empty() && !st.object(atom).is_some_and(|o| o.exposed) {
            self.report_uninit(st, Some(local), decl.name, decl.ty);
        }
        st.locals[local.index()] = v;
        v
    }

    /// Bounds of what a member of the type can hold: a bit-field holds less.
    fn member_bounds(&self, ty: TypeId, field: Option<(RecordId, u32)>) -> (i128, i128) {
        let bits =
            field.and_then(|(record, index)| self.types().record(record)?.fields.get(index as usize)?.bits);
        match (bits, self.types().int_info(ty)) {
            (Some(bits), Some((_, signed))) if bits > 0 => int_bounds((bits, signed)),
            _ => self.type_bounds(ty),
        }
    }

    /// Address and type of a place, with the checks of every step on the way.
    pub fn place(&mut self, st: &mut State, place: &Place, kind: AccessKind) -> Option<Target> {
        let target = self.place_address(st, place)?;
        if target.indirect {
            let bits = target
                .field
                .and_then(|(record, index)| self.types().record(record)?.fields.get(index as usize)?.bits);
            let size = match bits {
                Some(bits) => u64::from(bits).div_ceil(8),
                None => self.types().size_of(target.ty).unwrap_or(1),
            };
            let size = self.a.int(i128::from(size.max(1)));
            self.check_access(st, target.addr, size, kind, target.name, true);
        }
        Some(target)
    }

    /// As [`Interp::place`], without the final access.
    pub fn place_address(&mut self, st: &mut State, place: &Place) -> Option<Target> {
        let (atom, mut ty, mut name) = match place.base {
            Base::Local(id) => {
                let local = self.f.locals.get(id.index())?;
                (self.local_atom(id), local.ty, local.name)
            }
            Base::Global(id) => {
                let global = self.program.globals.get(id.index())?;
                (self.global_atom(id), global.ty, global.name)
            }
        };
        let mut addr = self.a.of_atom(atom);
        let mut field_of = None;
        let (mut indirect, mut kernels) = (false, false);
        for (step, proj) in place.proj.iter().enumerate() {
            match proj {
                Proj::Deref | Proj::At(_) => {
                    let pointee = self.types().pointee(ty).unwrap_or(TypeTable::UNKNOWN);
                    let mut ptr = match self.types().get(ty) {
                        Type::Array(..) => addr,
                        _ => self.load(st, addr, ty, name, field_of),
                    };
                    if ptr == V::UNINIT {
                        self.report_uninit(st, variable_of(place), name, ty);
                        ptr = self.typed_fresh(ty, name);
                        self.store(st, addr, ptr, ty);
                    }
                    self.as_pointer(ptr);
                    self.check_deref(st, ptr, name);
                    addr = ptr;
                    if let Proj::At(index) = proj {
                        let i = self.index(st, *index);
                        self.check_char_index(st, i, name);
                        let size = i128::from(self.types().size_of(pointee).unwrap_or(1));
                        let offset = self.a.scale(i, size);
                        addr = self.a.add(ptr, offset);
                    }
                    ty = pointee;
                    field_of = None;
                    indirect = true;
                }
                Proj::Elem(index) => {
                    let (elem, count) = match self.types().get(ty) {
                        Type::Array(elem, count) => (*elem, *count),
                        _ => (TypeTable::UNKNOWN, None),
                    };
                    let i = self.index(st, *index);
                    self.check_char_index(st, i, name);
                    let size = i128::from(self.types().size_of(elem).unwrap_or(1));
                    let array = place.proj[..step].iter().rev().find(|p| matches!(p, Proj::Field(_)));
                    let trailing = match array {
                        Some(Proj::Field(field)) => count.is_none_or(|c| c <= 1) && self.is_trailing(field),
                        _ => false,
                    };
                    if let (Some(count), false) = (count, trailing) {
                        self.check_index(st, i, count, place, name);
                    }
                    let offset = self.a.scale(i, size);
                    addr = self.a.add(addr, offset);
                    ty = elem;
                    field_of = None;
                }
                Proj::Field(field) => {
                    let known = field.record.and_then(|r| {
                        let f = self.types().record(r)?.fields.get(field.index as usize)?;
                        Some((f.ty, f.offset, f.bits))
                    });
                    let offset = match known.and_then(|k| k.1) {
                        Some(offset) => self.a.int(i128::from(offset)),
                        None => {
                            let atom = self.a.atom(AtomKind::FieldOffset(field.name), 0, 1 << 16);
                            self.a.of_atom(atom)
                        }
                    };
                    addr = self.a.add(addr, offset);
                    if known.and_then(|k| k.2).is_some_and(|bits| bits % 8 != 0) {
                        let mark = self.a.atom(AtomKind::BitField(field.name), 0, 0);
                        let mark = self.a.of_atom(mark);
                        addr = self.a.add(addr, mark);
                    }
                    kernels =
                        matches!(*self.types().get(ty), Type::Record(record) if self.is_kernels(record));
                    ty = known.map_or(TypeTable::UNKNOWN, |k| k.0);
                    name = field.name;
                    field_of = field.record.map(|r| (r, field.index));
                }
            }
        }
        Some(Target { addr, ty, name, field: field_of, indirect, kernels })
    }

    fn index(&mut self, st: &mut State, index: Index) -> V {
        match index {
            Index::Const(k) => self.a.int(i128::from(k)),
            Index::Local(id) => self.read_place(st, &Place::local(id)),
        }
    }

    pub fn load(
        &mut self,
        st: &mut State,
        addr: V,
        ty: TypeId,
        name: Symbol,
        field: Option<(RecordId, u32)>,
    ) -> V {
        let addr = self.a.plain(addr);
        if let Some(local) = self.scalar_local(addr) {
            return st.locals[local.index()];
        }
        if let Some(v) = st.cell(addr) {
            return self.fit(st, v, ty);
        }
        let Some(base) = self.a.base(addr) else { return self.typed_fresh(ty, name) };
        let kind = self.a.info(base).kind.clone();
        let byte = self.a.whole_byte(addr);
        let epoch = match self.content_at(st, base, byte) {
            Content::Zero => {
                let constant = self.a.split(byte).and_then(|(_, offset)| self.a.constant(offset));
                // A member of no known type may be an array, whose address is not null.
                if matches!(self.types().get(ty), Type::Unknown) {
                    let v = self.typed_fresh(ty, name);
                    st.set_cell(addr, v);
                    return v;
                }
                if constant.is_some() || !st.cells.iter().any(|c| self.a.base(c.0) == Some(base)) {
                    return V::ZERO;
                }
                // Some element, of which others than zero were set.
                self.a.next_number()
            }
            Content::Uninit if !st.cells.iter().any(|c| self.a.base(c.0) == Some(base)) => return V::UNINIT,
            Content::Uninit => self.a.next_number(),
            Content::Unknown(epoch) => epoch,
            Content::Initial => {
                if byte == addr
                    && let Some(v) = self.initial_value(&kind, addr)
                {
                    return v;
                }
                if matches!(kind, AtomKind::AddrGlobal(_)) { st.epoch } else { 0 }
            }
        };
        let (lo, hi) = self.member_bounds(ty, field);
        let atom = self.a.atom(AtomKind::Load(addr, epoch), lo, hi);
        let taint = match self.taint_at(st, byte) {
            _ if field.is_some_and(|(record, _)| self.is_kernels(record)) => 0,
            0 => match self.a.info(base).taint {
                0 => field.map_or(0, |(record, _)| self.decoded_member(record, ty, name)),
                t => t,
            },
            t => t,
        };
        let pointer = self.types().is_pointer(ty);
        let span = self.span;
        if self.a.info(atom).span.is_none() {
            let pointer = pointer || self.a.info(atom).pointer;
            self.a.set_pointer(atom, pointer);
            let info = self.a.info_mut(atom);
            info.name = name;
            info.span = span;
            info.ty = ty;
            info.taint = taint;
            // A length whose type is not known is taken for a number of octets.
            if matches!(self.types().get(ty), Type::Unknown) && is_length_name(name.as_str()) {
                let info = self.a.info_mut(atom);
                (info.lo, info.hi) = (0, u64::MAX as i128);
            }
        }
        if let Some(field) = field {
            self.fields(atom, field);
        }
        let v = self.a.of_atom(atom);
        st.set_cell(addr, v);
        v
    }

    /// A number in a record of which a model says that decoders fill it from messages.
    fn decoded_member(&mut self, record: RecordId, ty: TypeId, name: Symbol) -> u32 {
        let record = self.types().record(record).map_or(Symbol::EMPTY, |r| r.name);
        if !self.shared.models.received_types.contains(&record) || self.types().int_info(ty).is_none() {
            return 0;
        }
        let step = self.step(StepKind::Source, self.span, format!("'{name}' of a received '{record}'"));
        self.a.add_taint(Taint { kind: SourceKind::Network, steps: vec![step], inferred: false, raw: false })
    }

    /// Whether the kernel writes records of the type, so that their members are no peer's data.
    pub fn is_kernels(&self, record: RecordId) -> bool {
        let name = self.types().record(record).map(|r| r.name);
        name.is_some_and(|name| self.shared.models.kernel_types.contains(&name))
    }

    /// Remembers which member a loaded value is.
    fn fields(&mut self, atom: Atom, field: (RecordId, u32)) {
        self.a.info_mut(atom).field = Some(field);
    }

    /// A value read with another width than it was written with.
    fn fit(&mut self, st: &mut State, v: V, ty: TypeId) -> V {
        if v == V::UNINIT || self.a.base(v).is_some() {
            return v;
        }
        let Some(info) = self.types().int_info(ty) else { return v };
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds(info);
        if hi <= max && (lo >= min || !info.1) {
            return v;
        }
        if let Some(k) = self.a.constant(v) {
            return self.a.int(wrap(k, info.0, info.1));
        }
        v
    }

    /// Contents of string literals and of globals that nothing writes.
    fn initial_value(&mut self, kind: &AtomKind, addr: V) -> Option<V> {
        let (_, offset) = self.a.split(addr)?;
        let offset = self.a.constant(offset)?;
        match kind {
            AtomKind::AddrStr(text, width) => {
                let index = usize::try_from(offset / i128::from(*width)).ok()?;
                let mut chars = text.as_str().chars();
                match chars.nth(index) {
                    Some(c) => Some(self.a.int(i128::from(c as u32))),
                    None if index == text.as_str().chars().count() => Some(V::ZERO),
                    None => None,
                }
            }
            AtomKind::AddrGlobal(id) => {
                if !self.shared.is_constant(*id) {
                    return None;
                }
                let global = &self.program.globals[id.index()];
                let (init, _) =
                    find_init(self.types(), &global.init, global.ty, u64::try_from(offset).ok()?)?;
                match init {
                    Init::Zero => Some(V::ZERO),
                    Init::Const(constant) => Some(self.constant(&constant.clone())),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub fn store(&mut self, st: &mut State, addr: V, v: V, ty: TypeId) {
        let addr = self.a.plain(addr);
        if let Some(local) = self.scalar_local(addr) {
            st.locals[local.index()] = v;
            return;
        }
        let Some((base, offset)) = self.a.split(addr) else { return };
        let size = i128::from(self.types().size_of(ty).unwrap_or(1).max(1));
        self.forget_overlap(st, base, offset, size);
        let byte = self.a.whole_byte(offset);
        let constant = self.a.constant(byte);
        let taint = self.a.taint_of(v);
        // A guess about one value is none about the whole object.
        let inferred = self.a.taint(taint).is_some_and(|t| t.inferred);
        if constant.is_none() {
            let epoch = self.a.next_number();
            let object = st.object_mut(base);
            object.touched = true;
            if object.content == Content::Zero || object.content == Content::Uninit {
                object.content = Content::Unknown(epoch);
            }
            if taint != 0 && !inferred {
                self.taint_element(st, base, addr, taint);
            }
        }
        self.update_strlen(st, base, offset, v, size);
        self.forget_aliases(st, base, addr, v);
        st.set_cell(addr, v);
        self.escape_if_stored(st, base, v);
    }

    /// A pointer stored in a member through an unknown pointer may be stored in the same member
    /// of any object that others know: `item->prev->next = item->next` moves the head of a list.
    fn forget_aliases(&mut self, st: &mut State, base: Atom, addr: V, v: V) {
        let pointer = v != V::UNINIT && (v == V::ZERO || self.a.base(v).is_some());
        if !pointer || is_named(&self.a, base) || self.sprinting() {
            return;
        }
        let Some(member) = self.member_at(addr) else { return };
        let mut stale: SmallVec<[(V, V); 4]> = SmallVec::new();
        for &(other, w) in &st.cells {
            let Some(owner) = self.a.base(other).filter(|&b| b != base) else { continue };
            let private = match self.a.info(owner).kind {
                AtomKind::AddrLocal(_) => !st.object(owner).is_some_and(|o| o.exposed),
                _ => st.object(owner).is_some_and(|o| matches!(o.life, Life::Owned { .. })),
            };
            // What nothing is known of cannot be forgotten again.
            let known = w != V::UNINIT
                && w != v
                && self.a.base(w).is_some_and(|b| !matches!(self.a.info(b).kind, AtomKind::Fresh(_)));
            if known && !private && self.member_at(other) == Some(member) {
                stale.push((other, w));
            }
        }
        for (other, w) in stale {
            let Some(owner) = self.a.base(w) else { continue };
            let info = self.a.info(owner);
            let (ty, name) = (info.ty, info.name);
            let v = self.typed_fresh(ty, name);
            st.set_cell(other, v);
        }
    }

    /// The pointer member at an address, by the type of what is there.
    fn member_at(&self, addr: V) -> Option<(RecordId, u32)> {
        let base = self.a.base(addr)?;
        let lin = self.a.lin(addr);
        if lin.terms.len() != 1 {
            return None;
        }
        let mut offset = u64::try_from(lin.k).ok()?;
        let info = self.a.info(base);
        let mut ty = match info.kind {
            AtomKind::AddrLocal(id) => self.f.locals[id.index()].ty,
            AtomKind::AddrGlobal(id) => self.program.globals[id.index()].ty,
            _ => self.types().pointee(info.ty)?,
        };
        loop {
            let Type::Record(id) = self.types().get(ty) else { return None };
            let record = self.types().record(*id)?;
            let at = |f: &banbury_ir::Field| f.offset.is_some_and(|o| o <= offset);
            let index = record.fields.iter().rposition(at)?;
            let field = &record.fields[index];
            offset -= field.offset?;
            if offset == 0 && self.types().is_pointer(field.ty) {
                return Some((*id, index as u32));
            }
            ty = field.ty;
        }
    }

    /// A zero ends the string; another element may lengthen it.
    fn update_strlen(&mut self, st: &mut State, base: Atom, offset: V, v: V, size: i128) {
        let Some(object) = st.object(base).copied() else { return };
        if object.strlen.is_none() && object.filled.is_none() {
            return;
        }
        let zero = st.constant(&self.a, v) == Some(0);
        let filled = object.filled.and_then(|n| self.a.constant(n));
        match (self.a.constant(offset), filled, zero) {
            (Some(at), Some(n), true) if at <= n && size > 0 => {
                let len = self.a.int(at / size);
                st.object_mut(base).strlen = Some(len);
            }
            (_, _, true) if object.strlen.is_none() => {}
            (Some(at), _, true) => {
                let len = object.strlen.and_then(|n| self.a.constant(n));
                let new = self.a.int(at / size.max(1));
                let object = st.object_mut(base);
                object.strlen =
                    if len.is_some_and(|n| n <= at / size.max(1)) { object.strlen } else { Some(new) };
            }
            (Some(at), _, false) if self.lengthens(st, base, at, v, size, &object) => {
                let len = self.a.int(at / size.max(1) + 1);
                st.object_mut(base).strlen = Some(len);
            }
            _ => {
                st.object_mut(base).strlen = None;
            }
        }
    }

    /// Another element behind the last one of a string in zeroed memory.
    fn lengthens(&mut self, st: &State, base: Atom, at: i128, v: V, size: i128, object: &Object) -> bool {
        let len = object.strlen.and_then(|n| self.a.constant(n));
        let next = self.a.of_atom(base);
        let next = self.a.plus(next, at + size);
        st.constant(&self.a, v).is_some_and(|k| k != 0)
            && len.is_some_and(|n| n.saturating_mul(size) == at)
            && object.content == Content::Zero
            && st.cell(next).is_none()
    }

    /// A pointer stored where others can see it is theirs as well.
    pub fn escape_if_stored(&mut self, st: &mut State, into: Atom, v: V) {
        if v == V::UNINIT {
            return;
        }
        let own = match self.a.info(into).kind {
            AtomKind::AddrLocal(_) => true,
            AtomKind::Param(_) if self.is_record_param(into) => true,
            _ => matches!(st.object(into), Some(o) if matches!(o.life, Life::Owned { .. })),
        };
        if !own {
            self.escape(st, v, 0);
        }
    }

    /// Bases that the value reaches: its own, and through what is stored there.
    fn reached(&self, st: &State, v: V, depth: u32) -> SmallVec<[Atom; 8]> {
        let mut out: SmallVec<[Atom; 8]> = SmallVec::new();
        let Some(first) = self.a.base(v).or_else(|| self.a.as_atom(v)) else { return out };
        out.push(first);
        let (mut from, mut level) = (0, 0);
        while level < depth && from < out.len() {
            let to = out.len();
            // What a variable without cells holds.
            for at in from..to {
                let AtomKind::AddrLocal(id) = self.a.info(out[at]).kind else { continue };
                let held = st.locals[id.index()];
                let next = if held == V::UNINIT { None } else { self.a.base(held) };
                if let Some(next) = next.filter(|next| !out.contains(next)) {
                    out.push(next);
                }
            }
            for &(addr, inner) in st.cells.iter() {
                let Some(base) = self.a.base(addr) else { continue };
                if inner != V::UNINIT && out[from..to].contains(&base) {
                    if let Some(next) = self.a.base(inner) {
                        if out.len() < MAX_REACHED && !out.contains(&next) {
                            out.push(next);
                        }
                    }
                }
            }
            from = to;
            level += 1;
        }
        out
    }

    /// The object the value points to, and what is stored in it, is known elsewhere from now on.
    pub fn escape(&mut self, st: &mut State, v: V, depth: u32) {
        if v == V::UNINIT {
            return;
        }
        for base in self.reached(st, v, 3u32.saturating_sub(depth)) {
            if st.object(base).is_none() && !crate::summary::is_entry_atom(&self.a, base) {
                continue;
            }
            if st.object(base).is_some_and(|o| o.exposed && !matches!(o.life, Life::Owned { .. })) {
                continue;
            }
            self.disown(st, base);
            st.object_mut(base).exposed = true;
        }
    }

    /// An element of an array was set to something untrusted.
    fn taint_element(&mut self, st: &mut State, base: Atom, addr: V, taint: u32) {
        let at = self.a.lin(addr).k;
        let end = self.record_type(base).and_then(|record| self.member_end(record, at));
        match end {
            Some(end) => {
                let epoch = self.a.next_number();
                let object = st.object_mut(base);
                if object.part.is_none_or(|p| p.taint == 0 || p.lo > at || p.hi < end) {
                    object.part = Some(Part { lo: at, hi: end, epoch, taint });
                }
            }
            None => st.object_mut(base).taint = taint,
        }
    }

    pub fn forget_cells(&mut self, st: &mut State, base: Atom) {
        let arena = &self.a;
        st.cells.keep(|c| arena.base(c.0) != Some(base));
    }

    pub fn forget_range(&mut self, st: &mut State, base: Atom, start: i128, end: i128) {
        let base_v = self.a.of_atom(base);
        let arena = &mut self.a;
        st.cells.keep(|&(addr, _)| {
            arena.base(addr) != Some(base) || {
                let d = arena.sub(addr, base_v);
                let d = arena.whole_byte(d);
                arena.constant(d).is_some_and(|k| k < start || k >= end)
            }
        });
    }

    /// Drops the cells that a store of `size` bytes at `base + offset` may change.
    fn forget_overlap(&mut self, st: &mut State, base: Atom, offset: V, size: i128) {
        let base_v = self.a.of_atom(base);
        let mut i = 0;
        while i < st.cells.len() {
            let addr = st.cells[i].0;
            if self.a.base(addr) != Some(base) {
                i += 1;
                continue;
            }
            let other = self.a.sub(addr, base_v);
            let d = self.a.sub(other, offset);
            let (lo, hi) = st.bounds(&self.a, d);
            // The cell's own width is not kept; eight bytes cover every scalar.
            // Two members of a record whose layout is not known, or two bit-fields of one byte.
            let member = |t: &(Atom, i64)| {
                matches!(self.a.info(t.0).kind, AtomKind::BitField(_) | AtomKind::FieldOffset(_))
            };
            let siblings = |terms: &[(Atom, i64)]| terms.len() == 2 && terms.iter().all(member);
            let apart = siblings(&self.a.lin(d).terms)
                || lo >= size
                || hi <= -8
                || (lo == hi && lo != 0 && lo.abs() >= size.min(8))
                || {
                    let (x, y) = (self.a.lin(other).terms.len(), self.a.lin(offset).terms.len());
                    lo == hi && lo != 0 && x == y
                };
            if apart || d == V::ZERO {
                i += 1;
            } else {
                st.cells.remove(i);
            }
        }
    }

    /// Code we cannot see may have changed the objects that the value reaches.
    pub fn scramble(&mut self, st: &mut State, v: V, depth: u32) {
        self.scramble_as(st, v, TypeTable::UNKNOWN, None, depth);
    }

    /// As [`Interp::scramble`], where so many bytes of what the type says are written.
    pub fn scramble_as(&mut self, st: &mut State, v: V, ty: TypeId, n: Option<V>, depth: u32) {
        if v == V::UNINIT || self.a.base(v).is_none() {
            return;
        }
        let mut bases = self.reached(st, v, 2u32.saturating_sub(depth));
        if let Some((base, lo, hi)) = self.member_range(st, v, ty, n) {
            bases.retain(|b| *b != base);
            self.write_part(st, base, lo, hi, 0);
        }
        self.scramble_bases(st, bases);
    }

    /// The contents of these objects are unknown from now on.
    pub fn scramble_bases(&mut self, st: &mut State, mut bases: SmallVec<[Atom; 8]>) {
        bases.retain(|base| match self.a.info(*base).kind {
            AtomKind::AddrStr(..) | AtomKind::AddrFunc(_) => false,
            AtomKind::AddrGlobal(id) => !self.shared.is_constant(id),
            _ => true,
        });
        if bases.is_empty() {
            return;
        }
        self.let_go(st, |arena, addr| arena.base(addr).is_some_and(|b| bases.contains(&b)));
        let arena = &self.a;
        st.cells.keep(|c| arena.base(c.0).is_none_or(|b| !bases.contains(&b)));
        let epoch = self.a.next_number();
        for base in bases {
            if let AtomKind::AddrLocal(id) = self.a.info(base).kind {
                if self.scalar[id.index()] {
                    self.hand_on(st, st.locals[id.index()]);
                    let local = &self.f.locals[id.index()];
                    let (ty, name) = (local.ty, local.name);
                    st.locals[id.index()] = self.typed_fresh(ty, name);
                    continue;
                }
            }
            let object = st.object_mut(base);
            object.content = Content::Unknown(epoch);
            object.strlen = None;
            object.filled = None;
            if let Some(part) = &mut object.part {
                part.epoch = epoch;
            }
        }
    }

    /// What these cells hold is somebody else's from now on: it was there when others could look.
    fn let_go(&mut self, st: &mut State, forgotten: impl Fn(&Arena, V) -> bool) {
        if !st.objects.iter().any(|o| matches!(o.1.life, Life::Owned { .. })) {
            return;
        }
        let held: SmallVec<[V; 8]> =
            st.cells.iter().filter(|c| forgotten(&self.a, c.0)).map(|c| c.1).collect();
        held.into_iter().for_each(|v| self.hand_on(st, v));
    }

    /// Somebody else may release what the value points to.
    pub fn hand_on(&mut self, st: &mut State, v: V) {
        if v == V::UNINIT {
            return;
        }
        if let Some(atom) = self.a.base(v).or_else(|| self.a.as_atom(v)) {
            self.disown(st, atom);
        }
    }

    fn disown(&mut self, st: &mut State, atom: Atom) {
        if let Some(Life::Owned { family, span }) = st.object(atom).map(|o| o.life) {
            self.given_up.insert(span);
            st.object_mut(atom).life = Life::Escaped { family };
        }
    }

    pub fn scramble_globals(&mut self, st: &mut State) {
        let epoch = self.a.next_number();
        st.epoch = epoch;
        let shared = self.shared;
        self.let_go(st, |arena, addr| {
            arena.base(addr).is_some_and(|b| matches!(arena.info(b).kind, AtomKind::AddrGlobal(_)))
        });
        let arena = &self.a;
        st.cells.keep(|c| match arena.base(c.0).map(|b| &arena.info(b).kind) {
            Some(AtomKind::AddrGlobal(id)) => shared.is_constant(*id),
            _ => true,
        });
    }

    pub fn scramble_all(&mut self, st: &mut State) {
        self.scramble_globals(st);
        for local in 0..st.locals.len() {
            let decl = &self.f.locals[local];
            if !decl.name.is_empty() {
                st.locals[local] = self.typed_fresh(decl.ty, decl.name);
            }
        }
        st.cells = Default::default();
        let epoch = self.a.next_number();
        for (_, object) in st.objects.iter_mut() {
            object.content = Content::Unknown(epoch);
            object.strlen = None;
            object.filled = None;
            if let Life::Owned { family, .. } = object.life {
                object.life = Life::Escaped { family };
            }
        }
    }

    /// A record whose last member is an array without a count: its initialiser says how long it is.
    fn ends_open(&self, ty: TypeId) -> bool {
        let Type::Record(id) = self.types().get(ty) else { return false };
        let last = self.types().record(*id).and_then(|r| r.fields.last());
        last.is_some_and(|f| matches!(self.types().get(f.ty), Type::Array(_, None | Some(0))))
    }

    /// Bytes of the object behind a base address.
    pub fn object_size(&mut self, st: &State, base: Atom) -> Option<V> {
        if let Some(size) = st.object(base).and_then(|o| o.size) {
            return Some(size);
        }
        let bytes = match self.a.info(base).kind {
            AtomKind::AddrLocal(id) => self.types().size_of(self.f.locals[id.index()].ty)?,
            AtomKind::Param(i) if self.is_record_param(base) => {
                self.types().size_of(self.f.locals[i as usize].ty)?
            }
            AtomKind::AddrGlobal(id) => {
                let global = &self.program.globals[id.index()];
                if self.ends_open(global.ty) {
                    return None;
                }
                self.types().size_of(global.ty)?
            }
            AtomKind::AddrStr(text, width) => (text.as_str().chars().count() as u64 + 1) * u64::from(width),
            _ => return None,
        };
        Some(self.a.int(i128::from(bytes)))
    }
}

fn variable_of(place: &Place) -> Option<LocalId> {
    match place.base {
        Base::Local(id) => Some(id),
        Base::Global(_) => None,
    }
}

/// The initialiser of the scalar at a byte offset.
fn find_init<'i>(types: &TypeTable, init: &'i Init, ty: TypeId, offset: u64) -> Option<(&'i Init, TypeId)> {
    static ZERO: Init = Init::Zero;
    match init {
        Init::Zero => Some((&ZERO, ty)),
        Init::Const(_) if offset == 0 => Some((init, ty)),
        Init::List(entries) => {
            let (index, inner, rest) = match types.get(ty) {
                Type::Array(of, _) => {
                    let size = types.size_of(*of).filter(|&s| s > 0)?;
                    (offset / size, *of, offset % size)
                }
                Type::Record(record) => {
                    let record = types.record(*record)?;
                    let (i, field) = record
                        .fields
                        .iter()
                        .enumerate()
                        .rev()
                        .find(|(_, f)| f.offset.is_some_and(|o| o <= offset))?;
                    (i as u64, field.ty, offset - field.offset?)
                }
                _ => (0, ty, offset),
            };
            match entries.iter().find(|e| u64::from(e.0) == index) {
                Some((_, entry)) => find_init(types, entry, inner, rest),
                None => Some((&ZERO, inner)),
            }
        }
        _ => None,
    }
}
