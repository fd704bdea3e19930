//! Who shares memory with whom, and how much is live after each step: the one model of what the interpreter holds.
//!
//! A result has storage of its own, unless its op is a view: then it has that of its first input. Storage lives until the
//! last reader of any of its views has run; that of an output to the end; that of a leaf is the caller's and counts nothing
//! here. A step holds its inputs and its result at once.

use crate::graph::{Graph, Id, Kind};

/// Tables by id; filled for the given ops and their inputs.
pub(super) struct Storage {
    /// Whose storage a node's result lies in.
    root: Vec<Id>,
    /// Of roots that are ops.
    bytes: Vec<u64>,
    kept: Vec<bool>,
    /// By root: the ops that read something that lies in it.
    readers: Vec<Vec<Id>>,
}

impl Storage {
    /// `ops` come inputs first.
    pub(super) fn new<E>(
        graph: &Graph,
        ops: &[Id],
        mut bytes_of: impl FnMut(Id) -> Result<u64, E>,
    ) -> Result<Storage, E> {
        let bound = graph.bound();
        let mut storage = Storage {
            root: (0..bound as u32).map(crate::ops::Ref).collect(),
            bytes: vec![0; bound],
            kept: vec![false; bound],
            readers: vec![Vec::new(); bound],
        };
        for id in ops {
            let node = graph.node(*id);
            let view = matches!(node.kind, Kind::Op(op) if op.nature.view);
            match graph.edges(*id).find(|(slot, _)| view && *slot == 0) {
                Some((_, base)) => storage.root[id.0 as usize] = storage.root(base),
                None => storage.bytes[id.0 as usize] = bytes_of(*id)?,
            }
        }
        for id in graph.outputs.iter().flat_map(|output| &output.nodes) {
            let root = storage.root(*id);
            storage.kept[root.0 as usize] = true;
        }
        for id in ops {
            for root in storage.reads(graph, *id) {
                storage.readers[root.0 as usize].push(*id);
            }
        }
        Ok(storage)
    }

    pub(super) fn root(&self, id: Id) -> Id {
        self.root[id.0 as usize]
    }

    pub(super) fn bytes(&self, root: Id) -> u64 {
        self.bytes[root.0 as usize]
    }

    /// The storages an op reads, each once, in order of id.
    pub(super) fn reads(&self, graph: &Graph, id: Id) -> Vec<Id> {
        let mut roots: Vec<Id> = graph.edges(id).map(|(_, input)| self.root(input)).collect();
        roots.sort();
        roots.dedup();
        roots
    }

    /// The ops that read something in a storage.
    pub(super) fn readers_of(&self, root: Id) -> &[Id] {
        &self.readers[root.0 as usize]
    }

    /// Begins before the first step.
    pub(super) fn live(&self) -> Live<'_> {
        Live { storage: self, readers: self.readers.iter().map(|readers| readers.len() as u32).collect(), bytes: 0 }
    }
}

/// What is held as steps run one by one.
pub(super) struct Live<'a> {
    storage: &'a Storage,
    /// By root: readers that have not run.
    readers: Vec<u32>,
    pub(super) bytes: u64,
}

impl Live<'_> {
    /// Runs one op. Gives what is held while it runs, its result included; frees what nobody reads from here on.
    pub(super) fn run(&mut self, graph: &Graph, id: Id) -> u64 {
        let root = self.storage.root(id);
        if root == id {
            self.bytes += self.storage.bytes(id);
        }
        let during = self.bytes;
        for read in self.storage.reads(graph, id) {
            self.readers[read.0 as usize] -= 1;
            self.free_unread(read);
        }
        // A result that nobody reads goes at once.
        if root == id {
            self.free_unread(root);
        }
        during
    }

    fn free_unread(&mut self, root: Id) {
        if self.readers[root.0 as usize] == 0 && !self.storage.kept[root.0 as usize] {
            self.bytes -= self.storage.bytes(root);
        }
    }

    /// What running `id` now would add to what is held: its result less what it is the last to read.
    pub(super) fn growth(&self, graph: &Graph, id: Id) -> i64 {
        let made = if self.storage.root(id) == id { self.storage.bytes(id) } else { 0 };
        let last = |root: &Id| self.readers[root.0 as usize] == 1 && !self.storage.kept[root.0 as usize];
        let freed: u64 =
            self.storage.reads(graph, id).iter().filter(|root| last(root)).map(|root| self.storage.bytes(*root)).sum();
        made as i64 - freed as i64
    }

    /// The readers of a storage that have not run, counted.
    pub(super) fn readers_left(&self, root: Id) -> u32 {
        self.readers[root.0 as usize]
    }
}
