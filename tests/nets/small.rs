//! Networks at small size, the same text as those of full size.

use candle_core::DType;

use super::{Given, agree, check, picture, published, results, stage, weights};

/// One picture of this size; `nets` are names of the library.
#[track_caller]
fn on_picture(name: &str, nets: &str, net: &str, size: [usize; 2], saves: &[(&str, &str)]) {
    let all = published("small_networks");
    check(&all[name], &format!("use nets {{ {nets} }}"), net, &[], &picture(size[0], size[1]), saves);
}

/// Features instead of a picture.
#[track_caller]
fn on_features(name: &str, uses: &str, net: &str, given: &[Given], saves: &[(&str, &str)]) {
    let all = published("small_networks");
    check(&all[name], uses, net, given, &picture(8, 8), saves);
}

/// A map of many channels by its means.
const MEANS: [(&str, &str); 2] =
    [("places", "mean(n.trunk(image), axes = [1], keep = true)"), ("channels", "gap(n.trunk(image))")];

const SCORES: [(&str, &str); 1] = [("scores", "n(image)")];

#[test]
fn resnets_by_output_stride() {
    let uses = "classifier, resnet, bottleneck";
    let saves = [MEANS[0], MEANS[1], ("logits", "n(image)")];
    for stride in [8, 16] {
        let net = format!("classifier(resnet(bottleneck, [1, 1, 2, 2], {stride}), 10)");
        on_picture(&format!("torchvision_stride{stride}"), uses, &net, [64, 48], &saves);
    }
}

#[test]
fn resnets_of_isim() {
    let uses = "classifier, resnet, bottleneck, layout";
    for (name, strides) in [("isim_v3", "[1, 2, 1, 1]"), ("isim_v4", "[1, 1, 1, 1]")] {
        let net = format!("classifier(resnet(bottleneck, [1, 1, 1, 1], layout = layout({strides})), 10)");
        on_picture(name, uses, &net, [40, 32], &MEANS);
    }
}

/// Of a height that the pool of the stem rounds up.
#[test]
fn the_resnet_of_deeplabv2() {
    let net = "deeplabv2_resnet(5, counts = [1, 2, 2, 1], width = 8)";
    on_picture("deeplabv2_resnet", "deeplabv2_resnet", net, [57, 66], &SCORES);
}

/// The largest scores of three scales, as DeepLabv2 shows them.
#[test]
fn several_scales() {
    let net = "several_scales(deeplabv2_resnet(5, [1, 1, 1, 1], width = 4))";
    on_picture("several_scales", "several_scales, deeplabv2_resnet", net, [57, 66], &SCORES);
}

#[test]
fn one_kernel_at_several_dilations() {
    let saves = [("overlay", "n(image)"), ("plain", "n(image, dilations = [])")];
    on_picture("dilated_overlay", "dilated_overlay", "dilated_overlay(3, 4)", [40, 36], &saves);
}

#[test]
fn resnests_by_output_stride() {
    let uses = "classifier, resnest";
    let logits = [MEANS[0], MEANS[1], ("logits", "n(image)")];
    on_picture("resnest", uses, "classifier(resnest([2, 2, 1, 2], 32), 10)", [72, 40], &logits);
    on_picture("resnest_stride16", uses, "classifier(resnest([1, 1, 2, 2], 64, 16), 10)", [72, 40], &MEANS);
    on_picture("resnest_stride8", uses, "classifier(resnest([1, 1, 2, 2], 32, 8), 10)", [72, 40], &MEANS);
}

#[test]
fn mobilenet_v2_of_torchvision() {
    let net = "classifier(mobilenet_v2(norm = \"batch\"), 10, name = \"classifier.1\")";
    let saves = [("features", "mean(n.trunk(image), axes = [1], keep = true)"), ("logits", "n(image)")];
    on_picture("mobilenet_v2", "classifier, mobilenet_v2", net, [65, 48], &saves);
}

#[test]
fn squeezenet_of_torchvision() {
    let saves = [MEANS[0], MEANS[1], ("logits", "gap(relu(n(image)))")];
    on_picture("squeezenet1_1", "squeezenet_cam", "squeezenet_cam(10)", [64, 70], &saves);
}

#[test]
fn vgg16_of_deeplab() {
    on_picture("vgg16_largefov", "vgg16_largefov", "vgg16_largefov(5, width = 8)", [72, 56], &SCORES);
    on_picture("vgg16_aspp", "vgg16_aspp", "vgg16_aspp(5, width = 8)", [72, 56], &SCORES);
}

#[test]
fn heads_on_one_map() {
    let deep = || [Given { name: "x", t: 1001, shape: &[1, 6, 9, 7] }];
    let saves = [("scores", "n(g.x(image))")];
    on_features("largefov_head", "use nets { largefov_head }", "largefov_head(6, 5, width = 16)", &deep(), &saves);
    on_features("deeplabv3_head", "use nets { deeplabv3_head }", "deeplabv3_head(6, 5)", &deep(), &saves);
}

#[test]
fn the_decoder_of_puzzlecam() {
    let given = || {
        [Given { name: "deep", t: 1001, shape: &[1, 6, 5, 4] }, Given { name: "low", t: 1002, shape: &[1, 4, 18, 14] }]
    };
    let saves = [("scores", "n(g.deep(image), g.low(image))")];
    let by_batch = "puzzlecam_head(6, 4, 5, width = 16)";
    on_features("puzzlecam_decoder", "use nets { puzzlecam_head }", by_batch, &given(), &saves);
    let by_group = "puzzlecam_head(6, 4, 5, width = 16, norm = x => group_norm(x, 4))";
    on_features("puzzlecam_decoder_groups", "use nets { puzzlecam_head }", by_group, &given(), &saves);
}

#[test]
fn unet_decoders() {
    let given = || {
        [
            Given { name: "half", t: 1001, shape: &[1, 4, 33, 26] },
            Given { name: "layer1", t: 1002, shape: &[1, 8, 17, 13] },
            Given { name: "layer2", t: 1003, shape: &[1, 12, 9, 7] },
            Given { name: "layer3", t: 1004, shape: &[1, 16, 5, 4] },
            Given { name: "layer4", t: 1005, shape: &[1, 20, 5, 4] },
        ]
    };
    let channels = "{ half = 4, layer1 = 8, layer2 = 12, layer3 = 16, layer4 = 20 }";
    let taps = "n({ half = g.half(image), layer1 = g.layer1(image), layer2 = g.layer2(image), layer3 = g.layer3(image), layer4 = g.layer4(image) })";
    for (name, learned) in [("unet_bilinear", false), ("unet_learned", true)] {
        let net = format!("unet_decoder({channels}, 5, widths = [16, 12, 8, 4], learned = {learned})");
        on_features(name, "use nets { unet_decoder }", &net, &given(), &[("scores", taps)]);
    }
}

/// The embedding alone: its trunk is a net of taps that has no weights.
#[test]
fn affinity_nets() {
    let given = || {
        [
            Given { name: "conv4", t: 1001, shape: &[1, 6, 6, 5] },
            Given { name: "conv5", t: 1002, shape: &[1, 8, 6, 5] },
            Given { name: "conv6", t: 1003, shape: &[1, 10, 6, 5] },
        ]
    };
    let uses = "use nets { affinity_net }
net nothing() {
  let channels = 10
  let lower = { conv4 = 6, conv5 = 8 }
  fn forward(x) = x
}";
    let saves = [("embedding", "n.embed({ conv4 = g.conv4(image), conv5 = g.conv5(image), conv6 = g.conv6(image) })")];
    on_features("affinity_head", uses, "affinity_net(nothing(), widths = [4, 8, 16])", &given(), &saves);
    let groups = "affinity_net(nothing(), widths = [4, 8, 16], groups = [2, 4, 8])";
    on_features("affinity_head_groups", uses, groups, &given(), &saves);
}

/// CPN's network on a narrow ResNet38: as the paper has it, with shares over classes, and with the keys of the released code.
#[test]
fn the_network_of_cpn() {
    let all = published("small_networks");
    let net = |over: &str, as_released: bool| {
        format!(
            "cpn_net(resnet38_frozen(width = 2), 5, low = 4, high = 6, over = \"{over}\", as_released = {as_released})"
        )
    };
    let whole = [("cam", "n(image).cam"), ("refined", "n(image).refined")];
    let variants = [
        (net("pixels", false), &whole[..]),
        (net("classes", false), &[("over_classes", "n(image).refined")]),
        (net("pixels", true), &[("as_released", "n(image).refined")]),
    ];
    for (net, saves) in variants {
        let stage = stage("use nets { cpn_net, resnet38_frozen }", &net, &[], saves);
        let mut published = all["cpn_net"].clone();
        published.results.retain(|name, _| saves.iter().any(|(save, _)| save == name));
        agree(&results(&stage, weights(&stage, &published, &[]), &picture(70, 53), DType::F64), &published, 1e-11);
    }
}

const SMALL_VIT: &str = "width = 24, depth = 3, heads = 3, side = 32, patch = 8";

#[test]
fn the_vision_transformer_of_timm() {
    let net = format!("vit_classifier(vit({SMALL_VIT}), 10)");
    on_picture("vit", "vit_classifier, vit", &net, [32, 32], &[("logits", "n(image)")]);
}

#[test]
fn class_tokens() {
    let saves = [
        ("class_scores", "n.run(image).class_scores"),
        ("attention", "n.run(image).attention"),
        ("patch_attention", "n.run(image).patch_attention"),
        ("patch_scores", "n.run(image).patch_scores"),
        ("cams", "n.run(image).cams"),
    ];
    for (version, saves) in [(1, &saves[..3]), (2, &saves[..])] {
        let net = format!("mctformer_v{version}(5, vit(tokens = 5, last_norm = false, {SMALL_VIT}))");
        on_picture(&format!("mctformer_v{version}"), &format!("mctformer_v{version}, vit"), &net, [32, 32], saves);
    }
}
