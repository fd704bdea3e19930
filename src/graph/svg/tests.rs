//! Small pictures as text, and that large ones are made in time.

use std::time::{Duration, Instant};

use expect_test::expect;

use super::*;
use crate::graph::pipeline::StageKind;
use crate::graph::text::{self, Names};

#[test]
fn a_small_graph() {
    let graph = text::parse(
        "%0 = field x : index(K + 1)[B] @image(train)
         %1 = weight \"a<b&\" : real[B]
         %2 = affine(%1) scale=2.0
         save y = %2
         metric m = miou(%0, %2) at=0.5",
    );
    expect![[r##"
        <svg xmlns="http://www.w3.org/2000/svg" width="265.3" height="162" viewBox="0 0 265.3 162">
        <style>text { font: 11px monospace; fill: #18181b } .b { font-weight: bold } .n { stroke: #71717a } .e { fill: none; stroke: #a1a1aa } .l { fill: #52525b; paint-order: stroke; stroke: #fff; stroke-width: 3px }</style>
        <defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#a1a1aa"/></marker></defs>
        <rect width="100%" height="100%" fill="#fff"/>
        <path class="e" d="M195.3 68C195.3 81 219.5 81 219.5 94" marker-end="url(#a)"/>
        <path class="e" d="M75.5 54C75.5 74 139.3 74 139.3 94" marker-end="url(#a)"/>
        <path class="e" d="M195.3 68C195.3 81 139.3 81 139.3 94" marker-end="url(#a)"/>
        <g><polygon class="n" points="23,18 133,18 128,54 18,54" fill="#d6e9ff"/><text class="b" x="75.5" y="32" text-anchor="middle">field x</text><text x="75.5" y="46" text-anchor="middle">index(K + 1)[B]</text></g>
        <g><title>scale = 2.0
        shift = 0.0</title><rect class="n" x="151" y="18" width="88.6" height="50" rx="3" fill="#f4f4f5"/><text class="b" x="195.3" y="32" text-anchor="middle">affine</text><text x="195.3" y="46" text-anchor="middle">weight a&lt;b&amp;</text><text x="195.3" y="60" text-anchor="middle">real[B]</text></g>
        <g><rect class="n" x="191.7" y="94" width="55.6" height="22" rx="11" fill="#f4f4f5"/><text class="b" x="219.5" y="108" text-anchor="middle">save y</text></g>
        <g><rect class="n" x="104.9" y="94" width="68.8" height="22" rx="11" fill="#d6e9ff"/><text class="b" x="139.3" y="108" text-anchor="middle">metric m</text></g>
        <rect class="n" x="14" y="134" width="11" height="11" fill="#f4f4f5"/><text x="30" y="144">no labels</text>
        <rect class="n" x="109.2" y="134" width="11" height="11" fill="#d6e9ff"/><text x="125.2" y="144">image labels</text>
        </svg>
    "##]].assert_eq(&step(&graph.unwrap()));
}

#[test]
fn a_pipeline() {
    let mut pipeline = Pipeline::new();
    let cgnet = pipeline.add_stage("cgnet", StageKind::Train);
    let cams = pipeline.add_stage("cams", StageKind::Infer);
    pipeline.add_artifact(cgnet, cams, "cg");
    pipeline.add_artifact(cgnet, cams, "oc");
    let seen = |name: &str| match name {
        "cgnet" => Labels::seen(Level::Image, "train"),
        _ => Labels::default(),
    };
    expect![[r##"
        <svg xmlns="http://www.w3.org/2000/svg" width="278.8" height="100" viewBox="0 0 278.8 100">
        <style>text { font: 11px monospace; fill: #18181b } .b { font-weight: bold } .n { stroke: #71717a } .e { fill: none; stroke: #a1a1aa } .l { fill: #52525b; paint-order: stroke; stroke: #fff; stroke-width: 3px }</style>
        <defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#a1a1aa"/></marker></defs>
        <rect width="100%" height="100%" fill="#fff"/>
        <path class="e" d="M113.2 36C146 36 146 36 178.8 36" marker-end="url(#a)"/>
        <text class="l" x="146" y="32" text-anchor="middle">cg, oc</text>
        <g><rect class="n" x="18" y="18" width="95.2" height="36" rx="3" fill="#d6e9ff"/><text class="b" x="65.6" y="32" text-anchor="middle">train cgnet</text><text x="65.6" y="46" text-anchor="middle">image(train)</text></g>
        <g><rect class="n" x="178.8" y="25" width="82" height="22" rx="3" fill="#f4f4f5"/><text class="b" x="219.8" y="39" text-anchor="middle">infer cams</text></g>
        <rect class="n" x="14" y="72" width="11" height="11" fill="#f4f4f5"/><text x="30" y="82">no labels</text>
        <rect class="n" x="109.2" y="72" width="11" height="11" fill="#d6e9ff"/><text x="125.2" y="82">image labels</text>
        </svg>
    "##]].assert_eq(&super::pipeline(&pipeline, seen));
}

/// Every `<` of the document begins a tag of ours, and every tag is closed.
fn check_tags(document: &str) {
    let mut open = Vec::new();
    for tag in document.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag is closed");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name.to_string()), "{tag}"),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or_default().to_string()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// A chain of `length` ops with a shortcut over every three and one over all.
fn residual(length: usize) -> Graph {
    let mut text = String::from("%0 = field x : real[2]\n");
    for at in 1..length {
        let from = at - 1;
        text += &match at % 3 {
            0 => format!("%{at} = add(%{from}, %{})\n", at.saturating_sub(3)),
            _ => format!("%{at} = relu(%{from})\n"),
        };
    }
    text += &format!("%{length} = add(%{}, %0)\nsave y = %{length}", length - 1);
    text::parse(&text).unwrap()
}

#[test]
fn a_large_graph_is_drawn_in_time_and_whole() {
    let graph = residual(600);
    let start = Instant::now();
    let document = step(&graph);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    check_tags(&document);
    assert!(document.contains("blocks are left out") && document.matches("<g>").count() < 450);
    assert_eq!(document, step(&graph));
}

#[test]
fn blocks_of_a_rank_do_not_lie_upon_each_other() {
    let mut text = String::from("%0 = field x : real[2]\n");
    (1..20).for_each(|at| text += &format!("%{at} = affine(%{}) scale={at}.0\nsave y{at} = %{at}\n", (at - 1) / 3));
    let mut sketch = Sketch::default();
    let graph = text::parse(&text).unwrap();
    for (at, id) in Names::new(&graph).order().iter().enumerate() {
        sketch.blocks.push(Block { lines: vec!["x".repeat(at % 7 + 1)], ..Block::default() });
        graph
            .edges(*id)
            .for_each(|(_, from)| sketch.edges.push(Edge { from: from.0 as usize, to: at, label: String::new() }));
    }
    let layout = layout::lay_out(&sketch);
    for (at, a) in layout.blocks.iter().enumerate() {
        for b in &layout.blocks[..at] {
            let apart = a.x + a.width <= b.x + 1e-6
                || b.x + b.width <= a.x + 1e-6
                || a.y + a.height <= b.y + 1e-6
                || b.y + b.height <= a.y + 1e-6;
            assert!(apart, "{a:?} {b:?}");
        }
    }
    // Every edge goes down.
    assert!(layout.ways.iter().all(|way| way.windows(2).all(|pair| pair[0].1 < pair[1].1)));
}
