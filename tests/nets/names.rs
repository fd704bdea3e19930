//! Names, shapes and counts of weights at full size.

use super::{dims, golden, stage};
use wsss::lower::Weight;

fn weights(net: &str) -> Vec<Weight> {
    let words = net.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let is_net = |word: &&str| wsss::stdlib::files("nets").any(|file| file.defines(word));
    let names: std::collections::BTreeSet<&str> = words.filter(is_net).collect();
    stage(&format!("use nets {{ {} }}", names.into_iter().collect::<Vec<_>>().join(", ")), net, &[], &[("x", "image")])
        .weights
}

/// How many numbers are learned, running statistics left out; `of` says by their axes which of them.
#[track_caller]
fn check_count(net: &str, expected: usize, of: fn(&[usize]) -> bool) {
    let learned = weights(net).into_iter().filter(|weight| !weight.name.contains("running_"));
    let shapes = learned.map(|weight| dims(&weight)).filter(|dims| of(dims));
    assert_eq!(shapes.map(|dims| dims.iter().product::<usize>()).sum::<usize>(), expected, "{net}");
}

fn any(_: &[usize]) -> bool {
    true
}

fn convolutions(dims: &[usize]) -> bool {
    dims.len() == 4
}

/// The figures that papers and codes state.
#[test]
fn so_many_numbers_are_learned() {
    check_count("resnet50()", 23_508_032, any);
    check_count("resnet101()", 42_500_160, any);
    check_count("resnet152()", 58_143_808, any);
    check_count("resnet38()", 105_023_168, convolutions);
    check_count("resnet38()", 105_070_912, any);
    check_count("resnest50()", 25_434_240, any);
    check_count("resnest101()", 46_226_016, any);
    check_count("resnest200()", 68_152_544, any);
    check_count("resnest269()", 108_880_480, any);
    check_count("isim_decoder(21)", 16_253_813, any);
    check_count("cpn_net(resnet38_frozen(), 20)", 105_070_912 + 324_736, any);
    check_count("affinity_net(resnet38_frozen())", 105_070_912 + 1_413_120, any);
    check_count("vgg16()", 20_483_904, any);
    check_count("vgg16_cam(20)", 20_483_904 + 20_480, any);
}

/// As many weights, and of the same names and shapes, as the published checkpoint: held together by one number.
#[test]
fn names_and_shapes_are_those_of_the_checkpoints() {
    let text = std::fs::read_to_string(golden("names.json")).expect("names");
    let published: std::collections::BTreeMap<String, (usize, String)> = serde_json::from_str(&text).expect("names");
    for (name, net) in [
        ("resnet18", "classifier(resnet18(), 1000)"),
        ("resnet34", "classifier(resnet34(), 1000)"),
        ("resnet50", "classifier(resnet50(), 1000)"),
        ("resnet101", "classifier(resnet101(), 1000)"),
        ("resnet152", "classifier(resnet152(), 1000)"),
        ("deeplabv2_resnet101", "deeplabv2_resnet(21)"),
        ("resnest50", "classifier(resnest50(), 1000)"),
        ("resnest101", "classifier(resnest101(), 1000)"),
        ("resnest200", "classifier(resnest200(), 1000)"),
        ("resnest269", "classifier(resnest269(), 1000)"),
        ("mobilenet_v2", "classifier(mobilenet_v2(norm = \"batch\"), 1000, name = \"classifier.1\")"),
        ("squeezenet1_1", "squeezenet_cam(1000)"),
        ("deit_small", "vit_classifier(vit(), 1000)"),
    ] {
        let mut lines: Vec<String> =
            weights(net).iter().map(|weight| format!("{} {:?}", weight.name, dims(weight))).collect();
        lines.sort();
        let number = format!("{:016x}", fnv(&lines.join("\n")));
        assert_eq!((lines.len(), number), published[name], "{net}");
    }
}

/// CPN's network is SEAM's with one more embedding.
#[test]
fn cpn_adds_one_layer_to_seam() {
    let mut seam = super::published("networks").remove("seam_resnet38").expect("it is there").state;
    seam.push(("f10.weight".to_owned(), vec![192, 195, 1, 1]));
    let mut cpn: Vec<(String, Vec<usize>)> =
        weights("cpn_net(resnet38_frozen(), 20)").iter().map(|weight| (weight.name.clone(), dims(weight))).collect();
    seam.sort();
    cpn.sort();
    assert_eq!(cpn, seam);
}

/// FNV-1a, 64 bits.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |number, byte| (number ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
