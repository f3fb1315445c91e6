//! What memory holds after copies, fills, formatted text and received data.

use banbury_base::{Span, StepKind, Symbol};
use banbury_ir::{Type, TypeId, TypeTable};

use crate::calls::Call;
use crate::formats::{ScanKind, scan_conversions};
use crate::interp::Interp;
use crate::models::{Effect, FnModel, SinkKind, Size, Slot, SourceKind};
use crate::state::{Content, Life, Object, State};
use crate::summary::{AccessKind, Need};
use crate::value::{Atom, AtomKind, MAX, NullOrigin, Taint, V};

/// No object is larger than half the address space, and the terminator needs its place.
const LONGEST_STRING: i128 = i64::MAX as i128 - 1;

impl Interp<'_> {
    /// Elements before the first zero at the address.
    pub fn strlen(&mut self, st: &mut State, v: V, width: u8) -> V {
        let Some((base, offset)) = self.a.split(v) else {
            let atom = self.a.fresh(0, MAX);
            return self.a.of_atom(atom);
        };
        let offset = self.a.plain(offset);
        let at = self.a.constant(offset);
        if let (AtomKind::AddrStr(text, w), Some(at)) = (self.a.info(base).kind.clone(), at) {
            let len = text.as_str().chars().count() as i128 - at / i128::from(w.max(1));
            return self.a.int(len.max(0));
        }
        let object = st.object(base).copied().unwrap_or_default();
        if let (Some(len), Some(at)) = (object.strlen, at) {
            let len = self.a.plus(len, -(at / i128::from(width)));
            return len;
        }
        let epoch = match self.content_at(st, base, v) {
            Content::Unknown(epoch) => epoch,
            Content::Initial => 0,
            _ => self.a.next_number(),
        };
        let plain = self.a.plain(v);
        let (mut top, mut end) = (MAX, None);
        if let Some(left) = self.room_behind(st, v) {
            top = (st.bounds(&self.a, left).1 / i128::from(width) - 1).max(0);
            end = self.a.constant(left).is_none().then_some(left);
        }
        let atom = self.a.atom(AtomKind::StrLen(plain, epoch, width), 0, LONGEST_STRING);
        let name = self.name_of(v);
        let taint = match self.taint_at(st, v) {
            0 => self.a.info(base).taint,
            t => t,
        };
        let info = self.a.info_mut(atom);
        info.name = name;
        info.taint = taint;
        if top < MAX {
            let old = st.bounds_of_atom(&self.a, atom);
            st.set_bounds(atom, (old.0, old.1.min(top)));
        }
        let length = self.a.of_atom(atom);
        if let Some(left) = end {
            // Its terminator lies inside the object, or measuring it was the mistake.
            let bytes = self.a.scale(length, i128::from(width));
            let beyond = self.a.sub(bytes, left);
            let beyond = self.a.plus(beyond, i128::from(width));
            st.assume_le0(&mut self.a, beyond);
        }
        length
    }

    /// Bytes from the address to the end of the array that it points into, or of its object.
    fn room_behind(&mut self, st: &State, v: V) -> Option<V> {
        let plain = self.a.plain(v);
        // An array of one element at the end of a structure may be longer.
        if let Some((start, bytes)) = self.a.sub_object(v).filter(|s| s.1 > 1) {
            let gone = self.a.sub(plain, start);
            let less = self.a.scale(gone, -1);
            return Some(self.a.plus(less, i128::from(bytes)));
        }
        let (base, offset) = self.a.split(plain)?;
        let size = self.object_size(st, base)?;
        Some(self.a.sub(size, offset))
    }

    pub fn copy_memory(&mut self, st: &mut State, dst: V, src: V, n: Option<V>) {
        let member = self.member_range(st, dst, TypeTable::UNKNOWN, n);
        let (dst, src) = (self.a.plain(dst), self.a.plain(src));
        let Some((to, to_offset)) = self.a.split(dst) else { return };
        let source = self.a.split(src);
        let object = source.and_then(|(b, _)| st.object(b).copied()).unwrap_or_default();
        let taint = match self.taint_at(st, src) {
            0 => source.map_or(0, |(b, _)| self.a.info(b).taint),
            t => t,
        };
        if let Some(local) = self.scalar_local(dst) {
            let decl = &self.f.locals[local.index()];
            let (ty, name) = (decl.ty, decl.name);
            let v = match st.cell(src) {
                Some(v) => v,
                None => {
                    let v = self.typed_fresh(ty, name);
                    if let Some(atom) = self.a.as_atom(v) {
                        self.a.info_mut(atom).taint = taint;
                    }
                    v
                }
            };
            st.locals[local.index()] = v;
            return;
        }
        let copied = self.cells_between(st, src, n);
        let strlen = self.copied_strlen(st, src, n, &object);
        if let Some((_, lo, hi)) = member {
            self.write_part(st, to, lo, hi, taint);
            for (distance, v) in copied {
                let addr = self.a.plus(dst, distance);
                st.set_cell(addr, v);
                self.escape_if_stored(st, to, v);
            }
            return;
        }
        match n.and_then(|n| st.constant(&self.a, n)).zip(self.a.constant(to_offset)) {
            Some((n, at)) => self.forget_range(st, to, at, at + n),
            None => self.forget_cells(st, to),
        }
        let epoch = self.a.next_number();
        let at_start = self.a.constant(to_offset) == Some(0);
        let target = st.object_mut(to);
        target.content = match (object.content, at_start) {
            (Content::Zero, true) => Content::Zero,
            (Content::Uninit, true) if source.is_some() => Content::Uninit,
            _ => Content::Unknown(epoch),
        };
        if taint != 0 {
            target.taint = taint;
        }
        target.part = if at_start { object.part } else { None };
        target.strlen = if at_start { strlen } else { None };
        target.filled = if at_start { n.or(object.filled) } else { None };
        for (distance, v) in copied {
            let addr = self.a.plus(dst, distance);
            st.set_cell(addr, v);
            self.escape_if_stored(st, to, v);
        }
    }

    fn copied_strlen(&mut self, st: &mut State, src: V, n: Option<V>, object: &Object) -> Option<V> {
        let known = object.strlen.is_some() || self.literal(src).is_some();
        let len = if known { Some(self.strlen(st, src, 1)) } else { None };
        let n = n?;
        match len {
            Some(len) => {
                let d = self.a.sub(len, n);
                (st.bounds(&self.a, d).1 < 0).then_some(len)
            }
            None => {
                // `strcpy` of a string of unknown length: as long as its source.
                let less = self.a.plus(n, -1);
                let atom = self.a.as_atom(less)?;
                matches!(self.a.info(atom).kind, AtomKind::StrLen(..)).then_some(less)
            }
        }
    }

    /// Cells inside the source, by distance from its start.
    fn cells_between(&mut self, st: &State, src: V, n: Option<V>) -> Vec<(i128, V)> {
        let Some(base) = self.a.base(src) else { return Vec::new() };
        let limit = n.map_or(0, |n| st.bounds(&self.a, n).1).min(1 << 20);
        let mut out = Vec::new();
        for &(addr, v) in st.cells.iter() {
            if self.a.base(addr) == Some(base) {
                let d = self.a.sub(addr, src);
                if let Some(k) = self.a.constant(d) {
                    if k >= 0 && k < limit && out.len() < 64 {
                        out.push((k, v));
                    }
                }
            }
        }
        out
    }

    pub fn fill(&mut self, st: &mut State, dst: V, value: V, n: Option<V>) {
        let member = self.member_range(st, dst, TypeTable::UNKNOWN, n);
        let dst = self.a.plain(dst);
        if let Some(local) = self.scalar_local(dst) {
            let zero = st.constant(&self.a, value) == Some(0);
            let decl = &self.f.locals[local.index()];
            st.locals[local.index()] = if zero { V::ZERO } else { self.typed_fresh(decl.ty, decl.name) };
            return;
        }
        let Some((base, offset)) = self.a.split(dst) else { return };
        let k = st.constant(&self.a, value);
        let at = self.a.constant(offset);
        let count = n.and_then(|n| st.constant(&self.a, n));
        if let (Some((_, lo, hi)), true) = (member, k != Some(0)) {
            self.write_part(st, base, lo, hi, 0);
            return;
        }
        match (at, count) {
            (Some(at), Some(count)) => self.forget_range(st, base, at, at + count),
            _ => self.forget_cells(st, base),
        }
        let size = self.object_size(st, base).and_then(|s| st.constant(&self.a, s));
        let epoch = self.a.next_number();
        let object = st.object_mut(base);
        let whole = at == Some(0) && (count.is_none() || size.is_none_or(|s| count.is_some_and(|c| c >= s)));
        object.content = match (k, whole) {
            (Some(0), true) => Content::Zero,
            _ if object.content == Content::Zero && k == Some(0) => Content::Zero,
            _ => Content::Unknown(epoch),
        };
        if whole {
            object.taint = 0;
            object.part = None;
        }
        if at == Some(0) {
            let zero = k == Some(0);
            object.strlen = if zero { Some(V::ZERO) } else { None };
            object.filled = if zero || k.is_none() { None } else { n };
        } else {
            object.strlen = None;
        }
    }

    pub fn append(&mut self, st: &mut State, call: &Call<'_>, dst: Slot, src: Slot, size: &Size) {
        let (Some(d), Some(s)) = (self.slot(call, dst), self.slot(call, src)) else { return };
        let width = if call.name.as_str().contains("wcs") { 4 } else { 1 };
        let old = self.strlen(st, d, width);
        let added = self.strlen(st, s, width);
        let limit = self.size(st, call, size);
        let mut n = self.a.scale(added, i128::from(width));
        if let Some(limit) = limit {
            let d = self.a.sub(limit, n);
            if st.bounds(&self.a, d).1 <= 0 {
                n = limit;
            } else if st.bounds(&self.a, d).0 < 0 {
                let top = st.bounds(&self.a, limit).1.min(st.bounds(&self.a, n).1);
                let atom = self.a.fresh(0, top.max(0));
                n = self.a.of_atom(atom);
            }
        }
        let start = self.a.scale(old, i128::from(width));
        let total = self.a.add(start, n);
        let end = self.a.plus(total, i128::from(width));
        let (Slot::Arg(i) | Slot::Pointee(i)) = dst else { return };
        let name = self.arg_name(call, i);
        let site = self.site(name, "");
        self.require(st, Need::Initialised(d), site);
        self.check_access(st, d, end, AccessKind::Write, name, false);
        let Some(base) = self.a.base(d) else { return };
        let taint = self.taint_behind(st, s);
        if let Some((_, lo, hi)) = self.member_range(st, d, TypeTable::UNKNOWN, None) {
            self.write_part(st, base, lo, hi, taint);
            return;
        }
        self.forget_cells(st, base);
        let len = self.a.add(old, added);
        let epoch = self.a.next_number();
        let object = st.object_mut(base);
        object.content = Content::Unknown(epoch);
        object.strlen = Some(len);
        if taint != 0 {
            object.taint = taint;
        }
    }

    fn source(&mut self, call: &Call<'_>, kind: SourceKind) -> u32 {
        let what = match kind {
            SourceKind::Network => "bytes received from the network",
            SourceKind::File => "bytes read from a file",
            SourceKind::Environment => "a value from the environment",
            SourceKind::Console => "input typed at the console",
            SourceKind::Ipc => "bytes from another process",
            SourceKind::CommandLine => "an argument of the command line",
            SourceKind::Random => "a random number",
        };
        let step = self.step(StepKind::Source, self.span, format!("{what} ('{}')", call.name));
        self.a.add_taint(Taint { kind, steps: vec![step], inferred: false, raw: false })
    }

    pub fn taint_slot(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        slot: Slot,
        kind: SourceKind,
        model: &FnModel,
        ret: &mut Option<V>,
    ) {
        let from_console =
            kind == SourceKind::File && call.operands.iter().any(|o| self.operand_name(o) == "stdin");
        let kind = if from_console { SourceKind::Console } else { kind };
        let taint = self.source(call, kind);
        match slot {
            Slot::Return => {
                let v = ret.unwrap_or_else(|| self.typed_fresh(call.ret_ty, call.name));
                if let Some(atom) = self.a.as_atom(v) {
                    self.a.info_mut(atom).taint = taint;
                }
                *ret = Some(v);
            }
            Slot::Arg(_) | Slot::Pointee(_) => {
                if let Some(v) = self.slot(call, slot) {
                    // As many as the call says, not one element.
                    let several = model
                        .effects
                        .iter()
                        .any(|e| matches!(e, Effect::Write(to, size) if *to == slot_of_write(slot) && !matches!(size, Size::Const(_))));
                    let ty = if several { TypeTable::UNKNOWN } else { self.pointee_of(call, slot) };
                    let taint = if self.fills_object(st, call, model, v) { self.raw(taint) } else { taint };
                    let n = model.effects.iter().find_map(|e| match e {
                        Effect::Write(to, size) if *to == slot_of_write(slot) => Some(size),
                        _ => None,
                    });
                    let n = n.and_then(|size| self.size(st, call, size));
                    self.taint_pointee(st, v, ty, n, taint);
                }
            }
            Slot::Rest | Slot::RestPointee => {}
        }
    }

    /// Whether the call stores as many bytes as the object at the address has.
    fn fills_object(&mut self, st: &mut State, call: &Call<'_>, model: &FnModel, v: V) -> bool {
        let Some((base, offset)) = self.a.split(v) else { return false };
        if self.a.constant(offset) != Some(0) {
            return false;
        }
        let size = model.effects.iter().find_map(|e| match e {
            Effect::Write(_, size) => Some(size),
            _ => None,
        });
        let written = size.and_then(|size| self.size(st, call, size));
        let whole = self.object_size(st, base);
        match (written.and_then(|n| st.constant(&self.a, n)), whole.and_then(|n| st.constant(&self.a, n))) {
            (Some(written), Some(whole)) => written >= whole,
            _ => false,
        }
    }

    fn raw(&mut self, taint: u32) -> u32 {
        match self.a.taint(taint).cloned() {
            Some(known) => self.a.add_taint(Taint { raw: true, ..known }),
            None => taint,
        }
    }

    fn taint_pointee(&mut self, st: &mut State, v: V, ty: TypeId, n: Option<V>, taint: u32) {
        let plain = self.a.plain(v);
        if let Some(local) = self.scalar_local(plain) {
            let decl = &self.f.locals[local.index()];
            let (ty, name) = (decl.ty, decl.name);
            let fresh = self.typed_fresh(ty, name);
            if let Some(atom) = self.a.as_atom(fresh) {
                self.a.info_mut(atom).taint = taint;
            }
            st.locals[local.index()] = fresh;
            return;
        }
        let Some(base) = self.a.base(plain) else { return };
        let member = self.member_range(st, v, ty, n);
        let scalar =
            !matches!(self.types().get(ty), Type::Record(_) | Type::Array(..) | Type::Void | Type::Unknown)
                && self.types().size_of(ty).is_some_and(|s| s > 1);
        if scalar {
            let fresh = self.typed_fresh(ty, Symbol::EMPTY);
            if let Some(atom) = self.a.as_atom(fresh) {
                self.a.info_mut(atom).taint = taint;
            }
            self.store(st, plain, fresh, ty);
            return;
        }
        if let Some((_, lo, hi)) = member {
            self.write_part(st, base, lo, hi, taint);
            return;
        }
        self.forget_cells(st, base);
        let epoch = self.a.next_number();
        let object = st.object_mut(base);
        object.content = Content::Unknown(epoch);
        object.taint = taint;
        object.part = None;
        object.strlen = None;
        object.filled = None;
    }

    /// The taint of a value or, for a pointer, of what it points to.
    pub fn taint_behind(&self, st: &State, v: V) -> u32 {
        if v == V::UNINIT {
            return 0;
        }
        match self.taint_at(st, v) {
            0 => self.a.taint_of(v),
            taint => taint,
        }
    }

    /// What is turned from network into host order came from the network, if it was loaded from
    /// somewhere: all but addresses and ports, which configuration and the system store that way.
    fn network_order(&mut self, call: &Call<'_>, sources: &[V]) -> u32 {
        let Some(&v) = sources.first().filter(|&&v| v != V::UNINIT) else { return 0 };
        let Some(atom) = self.a.as_atom(v) else { return 0 };
        let info = self.a.info(atom);
        let name = info.name.as_str().to_ascii_lowercase();
        let address = ["port", "addr", "mask"].iter().any(|word| name.contains(word)) || name == "ip";
        if !matches!(info.kind, AtomKind::Load(..)) || address {
            return 0;
        }
        let step = self.step(StepKind::Source, self.span, format!("in network byte order ('{}')", call.name));
        self.a.add_taint(Taint { kind: SourceKind::Network, steps: vec![step], inferred: true, raw: false })
    }

    pub fn derive(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        to: Slot,
        from: Slot,
        model: &FnModel,
        ret: &mut Option<V>,
    ) {
        let sources: Vec<V> = match from {
            Slot::Arg(_) | Slot::Pointee(_) => self.slot(call, from).into_iter().collect(),
            Slot::Rest | Slot::RestPointee => {
                call.args.iter().rev().take(call.args.len().saturating_sub(1)).copied().collect()
            }
            Slot::Return => ret.iter().copied().collect(),
        };
        let mut taint = 0;
        for &v in &sources {
            let t = match from {
                Slot::Arg(_) => self.a.taint_of(v),
                _ => self.taint_behind(st, v),
            };
            if t != 0 && v != V::UNINIT {
                taint = t;
                break;
            }
        }
        match to {
            Slot::Return => {
                if taint == 0 && model.has_tag("net.order") {
                    taint = self.network_order(call, &sources);
                }
                let entry = self.entry_derived(st, call, &sources, from);
                let v = ret.or(entry).unwrap_or_else(|| self.typed_fresh(call.ret_ty, call.name));
                if let (Some(atom), true) = (self.a.as_atom(v), taint != 0) {
                    self.a.info_mut(atom).taint = taint;
                }
                *ret = Some(v);
            }
            Slot::Arg(_) | Slot::Pointee(_) => {
                if let (Some(v), true) = (self.slot(call, to), taint != 0) {
                    match self.member_range(st, v, TypeTable::UNKNOWN, None) {
                        Some((base, lo, hi)) => self.write_part(st, base, lo, hi, taint),
                        None => {
                            if let Some(base) = self.a.base(v) {
                                st.object_mut(base).taint = taint;
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// `ntohl(x)` or `atoi(s)` of an unchanged input is a function of it, so that a summary can
    /// carry it to the caller.
    fn entry_derived(&mut self, st: &State, call: &Call<'_>, sources: &[V], from: Slot) -> Option<V> {
        let (&[v], Slot::Arg(_) | Slot::Pointee(_)) = (sources, from) else { return None };
        let behind = matches!(from, Slot::Pointee(_));
        if v == V::UNINIT || self.a.base(v).is_some() != behind {
            return None;
        }
        self.derived(st, v, behind, call.name.as_str(), call.ret_ty)
    }

    fn derived(&mut self, st: &State, v: V, behind: bool, by: &str, ty: TypeId) -> Option<V> {
        if !matches!(self.types().get(ty), Type::Int { .. } | Type::Float(_)) {
            return None;
        }
        if behind {
            let base = self.a.base(v)?;
            let unchanged = st
                .object(base)
                .is_none_or(|o| o.content == Content::Initial && !o.touched && o.part.is_none());
            if !unchanged || !crate::summary::is_entry_atom(&self.a, base) {
                return None;
            }
        }
        let by = by.bytes().fold(7u32, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(b)));
        let (lo, hi) = self.type_bounds(ty);
        let plain = self.a.plain(v);
        let atom = self.a.atom(AtomKind::Derived(plain, behind, by), lo, hi);
        let name = self.name_of(v);
        let taint = if behind { self.taint_behind(st, v) } else { self.a.taint_of(v) };
        let info = self.a.info_mut(atom);
        (info.name, info.taint, info.ty) = (name, taint, ty);
        Some(self.a.of_atom(atom))
    }

    pub fn inside(&mut self, st: &mut State, v: V) -> V {
        if v == V::UNINIT {
            return self.a.unknown();
        }
        self.as_pointer(v);
        let mut top = MAX;
        if let Some((base, offset)) = self.a.split(v) {
            if let Some(size) = self.object_size(st, base) {
                let offset = self.a.plain(offset);
                let left = self.a.sub(size, offset);
                top = st.bounds(&self.a, left).1.saturating_sub(1).max(0);
            }
        }
        let atom = self.a.fresh(0, top);
        let distance = self.a.of_atom(atom);
        self.a.add(v, distance)
    }

    pub fn allocate(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        n: Option<V>,
        family: Symbol,
        zeroed: bool,
        may_fail: bool,
    ) -> V {
        self.sites += 1;
        let number = self.a.next_number();
        let atom = self.a.atom(AtomKind::Alloc(self.sites, number), i128::from(!may_fail), u64::MAX as i128);
        let span = self.span;
        let info = self.a.info_mut(atom);
        info.span = span;
        info.name = Symbol::EMPTY;
        info.ty = call.ret_ty;
        if may_fail {
            info.null = Some((NullOrigin::Allocation, span));
        }
        let automatic = call.name == "alloca" || call.name == "__builtin_alloca";
        *st.object_mut(atom) = Object {
            size: n,
            // An allocator that is told no size hands out finished objects.
            content: match (zeroed, n) {
                (true, _) => Content::Zero,
                (false, Some(_)) => Content::Uninit,
                (false, None) => Content::Unknown(number),
            },
            life: match automatic {
                true => Life::Escaped { family: Symbol::new("stack") },
                false => Life::Owned { family, span },
            },
            ..Object::default()
        };
        self.a.of_atom(atom)
    }

    pub fn open(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        family: Symbol,
        failure: crate::models::Failure,
    ) -> V {
        let v = self.typed_fresh(call.ret_ty, call.name);
        let span = self.span;
        if let Some(atom) = self.a.as_atom(v) {
            if failure == crate::models::Failure::Null {
                self.a.set_pointer(atom, true);
            }
            let info = self.a.info_mut(atom);
            if failure == crate::models::Failure::Null {
                info.lo = 0;
                info.hi = u64::MAX as i128;
                info.null = Some((NullOrigin::Allocation, span));
            } else {
                // A descriptor is an `int`, whether or not a prototype says so.
                info.lo = info.lo.max(-1);
                info.hi = info.hi.min(i128::from(i32::MAX));
            }
            st.object_mut(atom).life = Life::Owned { family, span };
        }
        v
    }

    /// The object that ends when the value is released: none for null, none for a member, which
    /// is torn down by itself while the record around it stays, and none that others hold as well.
    pub fn released_object(&self, st: &State, v: V) -> Option<Atom> {
        let base = self.a.base(v).or_else(|| self.a.as_atom(v))?;
        let null = st.bounds_of_atom(&self.a, base).1 <= 0 && self.a.info(base).pointer;
        let shared = st.object(base).is_some_and(|o| o.shared);
        (!null && !shared && !self.is_inside(v)).then_some(base)
    }

    /// The call registers another owner of what its first argument points to.
    pub fn share(&mut self, st: &mut State, call: &Call<'_>) {
        let Some(&v) = call.args.first().filter(|&&v| v != V::UNINIT) else { return };
        self.hand_on(st, v);
        if let Some(base) = self.a.base(v).or_else(|| self.a.as_atom(v)) {
            st.object_mut(base).shared = true;
        }
    }

    /// An address behind the start of its object.
    pub fn is_inside(&self, v: V) -> bool {
        let lin = self.a.lin(v);
        lin.k > 0 && matches!(lin.terms.as_slice(), [(base, 1)] if self.a.info(*base).pointer)
    }

    pub fn release(&mut self, st: &mut State, v: V, family: Symbol, name: Symbol, reallocates: bool) {
        if v == V::UNINIT {
            return;
        }
        let site = self.site(name, "");
        self.require(st, Need::Releasable(v, family), site);
        let Some(base) = self.released_object(st, v) else { return };
        let span = self.span;
        self.forget_cells(st, base);
        if let Some(Life::Owned { span, .. }) = st.object(base).map(|o| o.life) {
            self.given_up.insert(span);
        }
        let object = st.object_mut(base);
        object.content = Content::Unknown(0);
        object.life = if reallocates { Life::Maybe } else { Life::Freed { family, span } };
    }

    pub fn sink(&mut self, st: &mut State, call: &Call<'_>, slot: Slot, kind: SinkKind, fixed: usize) {
        match slot {
            Slot::Rest | Slot::RestPointee => {
                for index in fixed..call.args.len() {
                    let v = call.args[index];
                    if v != V::UNINIT {
                        let site = self.site(self.arg_name(call, index as u8), "");
                        self.require(st, Need::Trusted(v, kind, slot == Slot::RestPointee), site);
                    }
                }
            }
            Slot::Return => {}
            Slot::Arg(i) | Slot::Pointee(i) => {
                let Some(v) = self.slot(call, slot) else { return };
                let site = self.site(self.arg_name(call, i), "");
                let need = match kind {
                    SinkKind::AllocationSize | SinkKind::LoopCount | SinkKind::Resource => {
                        Need::Bounded(v, kind)
                    }
                    _ => Need::Trusted(v, kind, true),
                };
                self.require(st, need, site);
            }
        }
    }

    /// `scanf`: every out parameter receives an untrusted value; `%s` without a width is unbounded.
    pub fn scan(&mut self, st: &mut State, call: &Call<'_>, model: &FnModel, format: u8, first: u8) {
        let kind = model.effects.iter().find_map(|e| match e {
            Effect::Taint(Slot::RestPointee | Slot::Rest, kind) => Some(*kind),
            _ => None,
        });
        let inherited = model.effects.iter().find_map(|e| match e {
            Effect::Derive(Slot::RestPointee | Slot::Rest, from) => self.slot(call, *from),
            _ => None,
        });
        let taint = match (kind, inherited) {
            (Some(kind), _) => self.source(call, kind),
            (None, Some(v)) => self.taint_behind(st, v),
            _ => 0,
        };
        let text = call.args.get(usize::from(format)).and_then(|&v| self.literal(v));
        let conversions = text.map(|t| scan_conversions(t.as_str())).unwrap_or_default();
        for (nth, index) in (usize::from(first)..call.args.len()).enumerate() {
            let v = call.args[index];
            if v == V::UNINIT {
                continue;
            }
            let name = self.arg_name(call, index as u8);
            let conversion = conversions.get(nth);
            match conversion {
                Some(ScanKind::Text(None)) => self.unbounded_access(st, v, AccessKind::Write, name),
                Some(ScanKind::Text(Some(width))) => {
                    let n = self.a.int(i128::from(*width) + 1);
                    self.check_access(st, v, n, AccessKind::Write, name, false);
                }
                _ => {}
            }
            let mut ty = call
                .operands
                .get(index)
                .and_then(|o| self.operand_type(o))
                .and_then(|t| self.types().pointee(t))
                .unwrap_or(TypeTable::UNKNOWN);
            if matches!(conversion, Some(ScanKind::Text(_))) {
                ty = TypeTable::UNKNOWN;
            }
            let by = format!("{} {nth}", call.name);
            let plain = self.a.plain(v);
            match inherited.filter(|_| taint == 0).and_then(|from| self.derived(st, from, true, &by, ty)) {
                Some(value) => self.store(st, plain, value, ty),
                None => self.taint_pointee(st, v, ty, None, taint),
            }
        }
    }

    /// The process ends abnormally here: a defect if a peer can bring it about.
    pub fn reached_abort(&mut self, st: &mut State) {
        self.saw_abort = true;
        let Some(trace) = st.trace.clone() else { return };
        let taken = trace.taken;
        // The condition as it was before the decision: the state already assumes its outcome.
        let site = self.site(self.name_of(trace.cond), "");
        let mut before = st.clone();
        self.undo(&mut before, trace.cond);
        let cond = match taken {
            true => self.compare(&mut before, banbury_ir::BinOp::Eq, trace.cond, V::ZERO, false),
            false => trace.cond,
        };
        if self.a.constant(cond) == Some(0) {
            return;
        }
        let need = Need::Holds(cond);
        if let Some((origin, _)) = self.null_in(trace.cond) {
            if origin == NullOrigin::Lookup || origin == NullOrigin::Optional {
                self.require(&mut before, need, site);
                return;
            }
        }
        if self.a.taint_of(trace.cond) != 0 || crate::summary::mentions_entry(&self.a, trace.cond) {
            self.require(&mut before, need, site);
        }
    }

    pub fn null_in(&self, cond: V) -> Option<(NullOrigin, Span)> {
        let atom = self.a.as_atom(cond)?;
        match self.a.info(atom).kind {
            AtomKind::Cmp(_, a, b, _) => {
                [a, b].into_iter().find_map(|v| self.a.info(self.a.as_atom(v)?).null)
            }
            _ => self.a.info(atom).null,
        }
    }

    /// Forgets what the last decision taught about the atoms of its condition.
    fn undo(&mut self, st: &mut State, cond: V) {
        let mut atoms: Vec<Atom> = self.a.lin(cond).terms.iter().map(|t| t.0).collect();
        for &(atom, _) in &self.a.lin(cond).terms.clone() {
            if let AtomKind::Cmp(_, a, b, _) = self.a.info(atom).kind {
                atoms.extend(self.a.lin(a).terms.iter().map(|t| t.0));
                atoms.extend(self.a.lin(b).terms.iter().map(|t| t.0));
            }
        }
        st.facts.keep(|f| !atoms.contains(&f.0));
        st.neq.keep(|f| !atoms.contains(&f.0));
        let arena = &self.a;
        st.cons.keep(|&c| !arena.lin(c).terms.iter().any(|t| atoms.contains(&t.0)));
    }
}

/// `taint *p` goes with `write p n`.
fn slot_of_write(slot: Slot) -> Slot {
    match slot {
        Slot::Pointee(i) => Slot::Arg(i),
        other => other,
    }
}
