//! The inventory: what stands where, who made it, what it is connected to, and who depends on it.
//!
//! Each table is declared once; the declaration gives the row type, the documented schema, the
//! import and the export.

use crate::cell::{
    Cell, Count, Flag, Id, Kind, Latitude, List, Longitude, Name, Number, Percent, Pools, Ref, Rows, Text,
    Word, WriteContext,
};
use crate::date::Date;
use crate::strings::Sym;

/// Whether a column has to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// The column must be there and every row must have a value.
    Must,
    /// The column must be there; an empty cell means "not recorded".
    Want,
    /// The column may be left out.
    May,
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub need: Need,
    /// Meaning, unit and vocabulary.
    pub about: &'static str,
}

/// Where a row came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source<'a> {
    pub file: &'a str,
    /// Line of a CSV file, or number of the record in a JSON file; from 1.
    pub row: u32,
}

/// The rows of one table, with the place in the input that each rests on.
pub struct Table<R> {
    pub rows: Vec<R>,
    lines: Vec<u32>,
    /// First row and file number of each stretch of rows from one file.
    files: Vec<(u32, u32)>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Table { rows: Vec::new(), lines: Vec::new(), files: Vec::new() }
    }
}

impl<R> std::ops::Deref for Table<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.rows
    }
}

impl<R> Table<R> {
    fn push(&mut self, row: R, file: u32, line: u32) {
        if self.files.last().is_none_or(|&(_, last)| last != file) {
            self.files.push((self.rows.len() as u32, file));
        }
        self.rows.push(row);
        self.lines.push(line);
    }

    /// Removes rows, given in ascending order.
    fn drop_rows(&mut self, rows: &[usize]) {
        if rows.is_empty() {
            return;
        }
        let gone = |row: usize| rows.binary_search(&row).is_ok();
        let places: Vec<(u32, u32)> =
            (0..self.rows.len()).filter(|&i| !gone(i)).map(|i| self.place(i)).collect();
        let mut row = 0;
        self.rows.retain(|_| {
            row += 1;
            !gone(row - 1)
        });
        self.lines = places.iter().map(|&(_, line)| line).collect();
        self.files.clear();
        for (i, &(file, _)) in places.iter().enumerate() {
            if self.files.last().is_none_or(|&(_, last)| last != file) {
                self.files.push((i as u32, file));
            }
        }
    }

    pub(crate) fn place(&self, row: usize) -> (u32, u32) {
        let stretch = self.files.partition_point(|&(first, _)| first as usize <= row);
        (
            self.files.get(stretch.wrapping_sub(1)).map_or(0, |&(_, file)| file),
            self.lines.get(row).copied().unwrap_or(0),
        )
    }
}

/// Why a row was not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CellProblem {
    pub column: &'static str,
    pub reason: String,
}

macro_rules! tables {
    ($($number:literal $table:ident $row:ident $about:literal {
        $($field:ident : $type:ty = $column:literal $need:ident $meaning:literal;)*
    })*) => {
        /// Names of the tables, also those of their files, in the order of import.
        pub const TABLE_NAMES: &[&str] = &[$(stringify!($table)),*];

        /// A table of the inventory.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[allow(non_camel_case_types)]
        pub enum TableId { $($table = $number),* }

        impl TableId {
            pub const ALL: &[TableId] = &[$(TableId::$table),*];

            pub fn name(self) -> &'static str {
                TABLE_NAMES[self as usize]
            }

            pub fn from_name(name: &str) -> Option<TableId> {
                TABLE_NAMES.iter().position(|&n| n == name).map(|i| TableId::ALL[i])
            }

            pub fn about(self) -> &'static str {
                match self { $(TableId::$table => $about),* }
            }

            pub fn columns(self) -> &'static [Column] {
                match self { $(TableId::$table => $row::COLUMNS),* }
            }
        }

        $(
            #[doc = $about]
            #[derive(Clone, Debug)]
            pub struct $row { $(#[doc = $meaning] pub $field: $type),* }

            impl $row {
                pub const COLUMNS: &[Column] = &[$(Column {
                    name: $column, kind: <$type as Cell>::KIND, need: Need::$need, about: $meaning,
                }),*];

                /// Reads a row from its cells, which stand in the order of [`Self::COLUMNS`].
                fn read(cells: &[&str], pools: &mut Pools) -> Result<$row, CellProblem> {
                    let mut at = 0..cells.len();
                    $(
                        let $field = {
                            let text = at.next().map_or("", |i| cells[i]);
                            if Need::$need == Need::Must && text.trim().is_empty() {
                                return Err(CellProblem { column: $column, reason: "is empty".to_owned() });
                            }
                            <$type as Cell>::read(text, pools)
                                .map_err(|reason| CellProblem { column: $column, reason })?
                        };
                    )*
                    Ok($row { $($field),* })
                }

                fn key(&self) -> Sym {
                    [$(self.$field.key()),*].into_iter().next().unwrap_or_default()
                }

                fn resolve(&mut self, rows: &Rows<'_>, dangling: &mut dyn FnMut(&'static str, Kind, Sym)) {
                    $(if let Err(sym) = self.$field.resolve(rows) {
                        dangling($column, <$type as Cell>::KIND, sym);
                    })*
                }

                fn write(&self, column: usize, context: &WriteContext<'_>, out: &mut String) {
                    let mut _at = 0;
                    $(if column == _at { self.$field.write(context, out); } _at += 1;)*
                }
            }
        )*

        /// A whole network. References are row numbers of the other tables.
        #[derive(Default)]
        pub struct Inventory {
            pub pools: Pools,
            pub(crate) files: Vec<String>,
            $(pub $table: Table<$row>),*
        }

        impl Inventory {
            pub fn len(&self, table: TableId) -> usize {
                match table { $(TableId::$table => self.$table.len()),* }
            }

            pub(crate) fn push(&mut self, table: TableId, cells: &[&str], file: u32, line: u32)
                -> Result<(), CellProblem>
            {
                match table {
                    $(TableId::$table => {
                        let row = $row::read(cells, &mut self.pools)?;
                        self.$table.push(row, file, line);
                    })*
                }
                Ok(())
            }

            /// The file and line that a row was read from.
            pub fn source(&self, table: TableId, row: usize) -> Source<'_> {
                let (file, line) = match table { $(TableId::$table => self.$table.place(row)),* };
                Source { file: self.files.get(file as usize).map_or("", String::as_str), row: line }
            }

            pub(crate) fn place(&self, table: TableId, row: usize) -> (u32, u32) {
                match table { $(TableId::$table => self.$table.place(row)),* }
            }

            pub(crate) fn drop_rows(&mut self, table: TableId, rows: &[usize]) {
                match table { $(TableId::$table => self.$table.drop_rows(rows)),* }
            }

            /// The identifier of a row; empty for tables without one.
            pub fn key(&self, table: TableId, row: usize) -> Sym {
                match table { $(TableId::$table => self.$table[row].key()),* }
            }

            pub(crate) fn resolve_all(
                &mut self,
                rows: &Rows<'_>,
                dangling: &mut dyn FnMut(TableId, usize, &'static str, Kind, Sym),
            ) {
                $(for (i, row) in self.$table.rows.iter_mut().enumerate() {
                    row.resolve(rows, &mut |column, kind, sym| dangling(TableId::$table, i, column, kind, sym));
                })*
            }

            /// Appends the value of a cell as the import reads it.
            pub fn write_cell(&self, table: TableId, row: usize, column: usize, out: &mut String) {
                let id_of = |table: usize, row: u32| self.key(TableId::ALL[table], row as usize);
                let context = WriteContext { pools: &self.pools, id_of: &id_of };
                match table { $(TableId::$table => self.$table[row].write(column, &context, out)),* }
            }
        }
    };
}

pub const VENDORS: usize = 0;
pub const REGIONS: usize = 1;
pub const CUSTOMERS: usize = 2;
pub const SITES: usize = 3;
pub const NODES: usize = 4;
pub const SERVICES: usize = 5;
pub const SLICES: usize = 6;

tables! {
    0 vendors Vendor "Suppliers and managed-service providers, and who owns them" {
        id: Id = "vendor_id" Must "Identifier of the vendor";
        name: Text = "name" Must "Name as in the register of companies";
        country: Text = "country" May "Country of its seat, ISO 3166-1 alpha-2";
        parent: Ref<VENDORS> = "parent_vendor_id" May "The vendor that owns a part of it";
        ownership: Percent = "ownership_pct" May "Part that the parent owns [%]";
        aliases: List = "aliases" May "Other names it is written under, separated by semicolons";
    }
    1 regions Region "Areas in which shares are counted" {
        id: Id = "region_id" Must "Identifier of the region";
        name: Text = "name" May "Name of the region";
        parent: Ref<REGIONS> = "parent_id" May "The region that holds it";
        kind: Word = "kind" May "nation, region, licence-area ...";
    }
    2 customers Customer "Who uses services" {
        id: Id = "customer_id" Must "Identifier of the customer";
        name: Text = "name" May "Name";
        class: Word = "class" Must "government, defence, emergency, cni, enterprise, wholesale, consumer";
    }
    3 sites Site "Places where equipment stands" {
        id: Id = "site_id" Must "Identifier of the site";
        name: Text = "name" May "Name";
        region: Ref<REGIONS> = "region_id" Want "Region it lies in";
        kind: Word = "kind" Want "core, agg, cell, exchange, dc, noc, cabinet, landing";
        lat: Latitude = "lat" Want "Latitude [WGS 84 degrees]";
        lon: Longitude = "lon" Want "Longitude [WGS 84 degrees]";
        status: Word = "status" May "planned, staged, active, offline, decommissioning, retired";
        criticality: Word = "criticality" May "What depends on it: none, government, emergency, cni, defence, nuclear";
        sensitivity: Word = "sensitivity" May "Class under national-security rules, as the authority told the operator";
        operator: Text = "operator" May "Operator, where one inventory holds several";
    }
    4 nodes Node "Network functions, physical or virtual, and what hosts them" {
        id: Id = "node_id" Must "Identifier of the node";
        site: Ref<SITES> = "site_id" Want "Site where it stands";
        role: Word = "role" Must "Network function; `banbury network schema roles` lists them";
        vendor_name: Name = "vendor_name" Want "Maker, as the source of the inventory writes it";
        platform: Name = "platform" May "Software platform; key into `software` and `advisories`";
        sw_version: Name = "sw_version" May "Software release";
        status: Word = "status" Want "planned, staged, active, offline, decommissioning, retired";
        installed_on: Date = "installed_on" May "Day of installation, or the planned one [ISO 8601]";
        planned_removal: Date = "planned_removal" May "Day by which it will be gone [ISO 8601]";
        host: Ref<NODES> = "host_id" May "Node that it runs on";
        traffic: Number = "busy_hour_traffic" May "Traffic in the busy hour, in `traffic_unit`";
        traffic_unit: Word = "traffic_unit" May "Mbit/s (when empty) or Gbit/s";
        subscribers: Count = "subscribers" May "Subscribers served";
        premises: Count = "premises" May "Premises passed";
        generation: Word = "generation" May "2g, 3g, 4g, 5g, fttp, fixed; from the role when empty";
        product: Name = "product" May "Product name";
        ordered_on: Date = "ordered_on" May "Day of order [ISO 8601]";
        support_end: Date = "support_end" May "Day the vendor's hardware support ends [ISO 8601]";
        managed_by: Ref<VENDORS> = "managed_by" May "Managed-service provider that operates it";
        image_digest: Name = "image_digest" May "Digest of the installed image, as in `evaluations`";
        exposed: Flag = "exposed" May "Reachable from outside the operator's network";
        sanctions_affected: Flag = "sanctions_affected" May "Manufacture or supply chain altered because of sanctions";
    }
    5 services Service "What customers buy" {
        id: Id = "service_id" Must "Identifier of the service";
        customer: Ref<CUSTOMERS> = "customer_id" Want "Who uses it";
        kind: Word = "kind" May "l2vpn, l3vpn, wavelength, mobile-private, voice, internet";
        a_node: Ref<NODES> = "a_node" May "One end";
        z_node: Ref<NODES> = "z_node" May "The other end";
        encrypted: Flag = "e2e_encrypted" May "Encrypted from end to end by the customer or the operator";
        capacity: Number = "capacity_gbps" May "Capacity sold [Gbit/s]";
    }
    6 slices Slice "Network slices" {
        id: Id = "slice_id" Must "Identifier of the slice";
        s_nssai: Text = "s_nssai" May "S-NSSAI";
        customer: Ref<CUSTOMERS> = "customer_id" May "Who uses it";
    }
    7 designations Designation "Vendors under a designation or a like act" {
        id: Id = "designation_id" Must "Identifier of the act";
        vendor: Ref<VENDORS> = "vendor_id" Must "Designated vendor";
        designated_on: Date = "designated_on" Must "In force from [ISO 8601]";
        regime: Text = "regime" May "Legal regime";
        revoked_on: Date = "revoked_on" May "No longer in force from [ISO 8601]";
    }
    8 links Link "Connections between nodes" {
        id: Id = "link_id" Must "Identifier of the link";
        a: Ref<NODES> = "a_node" Must "One end";
        b: Ref<NODES> = "b_node" Must "The other end";
        kind: Word = "kind" Must "fronthaul, midhaul, backhaul, metro, core, signalling, interconnect, internal, management, sync";
        capacity: Number = "capacity_gbps" May "Capacity [Gbit/s]";
        encryption: Word = "encryption" May "none, macsec, ipsec, otnsec; empty: not recorded";
        status: Word = "status" Want "planned, active, decommissioning, retired";
        plane: Word = "plane" May "user, control, management, timing";
    }
    9 admin_flows AdminFlow "Who may administer what: firewall rules, grants, element-manager configuration" {
        id: Id = "flow_id" Must "Identifier of the flow";
        src: Ref<NODES> = "src_node" Must "Node that administers";
        dst: Ref<NODES> = "dst_node" Must "Node that is administered";
        kind: Word = "kind" Must "admin, orchestrate, telemetry, file";
        protocol: Word = "protocol" May "ssh, netconf, https, telnet, snmpv2 ...";
        action: Word = "action" Want "allow or deny";
        status: Word = "status" Want "active, planned, disabled";
    }
    10 remote_access RemoteAccess "Access of outside organisations" {
        id: Id = "access_id" Must "Identifier of the access";
        org: Ref<VENDORS> = "org_vendor_id" Want "Organisation that uses it";
        target: Ref<NODES> = "target_node" May "Node reached";
        via: Ref<NODES> = "via_node" May "Node it passes: jump host, privileged access gateway";
        mfa: Flag = "mfa" Want "Second factor required";
        recorded: Flag = "recorded" Want "Sessions recorded";
        country: Text = "from_country" May "Country it comes from, ISO 3166-1 alpha-2";
        enabled: Flag = "enabled" Want "Switched on";
    }
    11 sync Sync "Timing chain: who takes time from whom" {
        node: Ref<NODES> = "node_id" Must "Node that is synchronised";
        source: Ref<NODES> = "source_id" Must "Node it takes time from";
        priority: Count = "priority" May "1 is preferred";
    }
    12 service_paths PathHop "Nodes that a service passes" {
        service: Ref<SERVICES> = "service_id" Must "Service";
        path: Word = "path" Must "primary, or the name of a protection path";
        seq: Count = "seq" Must "Position on the path, from 0";
        node: Ref<NODES> = "node_id" Must "Node passed";
    }
    13 slice_nodes SliceNode "Nodes that a slice uses" {
        slice: Ref<SLICES> = "slice_id" Must "Slice";
        node: Ref<NODES> = "node_id" Must "Node used";
    }
    14 components Component "Parts inside nodes that another vendor made" {
        node: Ref<NODES> = "node_id" Must "Node that holds it";
        kind: Word = "kind" Must "radio, soc, bmc, nic, os, optics, sim, fan ...";
        vendor: Ref<VENDORS> = "vendor_id" Want "Maker of the part";
        essential: Flag = "essential" Want "The node does not work without it";
    }
    15 software Software "Support of software releases" {
        platform: Name = "platform" Must "Software platform";
        version: Name = "version" Must "Release";
        end_of_support: Date = "end_of_support" Want "Last day of security fixes [ISO 8601]";
    }
    16 advisories Advisory "Security advisories of vendors" {
        id: Id = "advisory_id" Must "Identifier of the advisory";
        platform: Name = "platform" Must "Software platform";
        severity: Word = "severity" Must "critical, high, medium, low";
        published: Date = "published" Must "Day the fix was published [ISO 8601]";
        affected_from: Name = "affected_from" Want "First affected release";
        fixed_in: Name = "fixed_in" Want "First fixed release; empty: there is no fix";
        exploited: Flag = "exploited" May "Known to be exploited";
    }
    17 locations Location "Places that equipment must keep away from" {
        id: Id = "location_id" Must "Identifier of the place";
        class: Word = "class" Must "nuclear, defence, government ...";
        lat: Latitude = "lat" Must "Latitude [WGS 84 degrees]";
        lon: Longitude = "lon" Must "Longitude [WGS 84 degrees]";
    }
    18 waivers Waiver "Approved exceptions" {
        id: Id = "waiver_id" Must "Identifier of the exception";
        rule: Text = "rule_id" Must "Control it is from";
        subject: Text = "subject" Must "Node, link, site ... that may violate the control";
        granted_on: Date = "granted_on" Must "Valid from [ISO 8601]";
        expires_on: Date = "expires_on" Must "Last valid day [ISO 8601]";
        authority: Text = "authority" May "Who approved it";
    }
    19 evaluations Evaluation "What an evaluation found about a release" {
        id: Id = "evaluation_id" Must "Identifier of the evaluation";
        platform: Name = "platform" Must "Software platform";
        version: Name = "version" Must "Release that was evaluated";
        image_digest: Name = "image_digest" May "Digest of the image that was evaluated; empty: any";
        verdict: Word = "verdict" Must "approved, conditional or rejected";
        site_kinds: List = "site_kinds" May "Kinds or sensitivities of sites it may stand at, separated by semicolons; empty: all";
        conditions: Text = "conditions" May "Conditions of use";
        expires_on: Date = "expires_on" May "Last day it is valid [ISO 8601]";
        equivalence: Word = "equivalence" May "Binary shown to come from the reviewed source: shown, not-shown, unknown";
        open_weight: Number = "open_weight_db" May "Weight of the weightiest open finding [decibans]";
    }
    20 roles RoleRow "Network functions beside the built-in ones" {
        id: Id = "role" Must "Name of the function";
        domain: Word = "domain" May "core, ran, fixed, transport, management, li, platform, timing, security, interconnect";
        generation: Word = "generation" May "2g, 3g, 4g, 5g, fttp, fixed";
    }
}

impl Node {
    /// Busy-hour traffic in Mbit/s.
    pub fn traffic_mbps(&self, pools: &Pools) -> Option<f64> {
        let value = self.traffic.known()?;
        let unit = pools.names.get(self.traffic_unit.0);
        Some(if unit == "gbit/s" { value * 1000.0 } else { value })
    }
}

impl Inventory {
    /// The text of an identifier or of free text.
    pub fn id(&self, sym: Sym) -> &str {
        self.pools.ids.get(sym)
    }

    /// The text of a vocabulary name.
    pub fn name(&self, sym: Sym) -> &str {
        self.pools.names.get(sym)
    }

    pub fn node_id(&self, node: usize) -> &str {
        self.id(self.nodes[node].id.0)
    }

    pub fn site_id(&self, site: usize) -> &str {
        self.id(self.sites[site].id.0)
    }

    pub fn find(&self, table: TableId, id: &str) -> Option<usize> {
        let sym = self.pools.ids.find(id)?;
        (0..self.len(table)).find(|&row| self.key(table, row) == sym)
    }
}
