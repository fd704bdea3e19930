//! Published networks at their full width.

use candle_core::DType;

use super::{Given, agree, check, picture, published, results, stage, weights};

#[test]
fn resnet18_is_that_of_torchvision() {
    let all = published("networks");
    let uses = "use nets { classifier, resnet18 }";
    let (net, saves) = ("classifier(resnet18(), 1000)", [("logits", "n(image)")]);
    check(&all["torchvision_resnet18"], uses, net, &[], &picture(72, 56), &saves);
}

/// IRN adds the maps of the picture and of its mirror image.
#[test]
fn the_maps_of_irn() {
    let all = published("networks");
    let saves = [
        ("cam_of_image_and_flip", "relu(n(image)) + mirror(relu(n(mirror(image))))"),
        ("stage2_mean", "gap(n.resnet50.taps(image).layer2)"),
    ];
    let uses = "use nets { irn_cam }\nuse cam { mirror }";
    check(&all["irn_resnet50_cam"], uses, "irn_cam(20)", &[], &picture(72, 56), &saves);
}

/// VGG16's maps are shown as the roots of what is above 0.
#[test]
fn vgg16_is_that_of_psa() {
    let all = published("networks");
    let saves = [("cam", "sqrt(relu(n(image)))"), ("logits", "gap(n(image))")];
    check(&all["psa_vgg16_cls"], "use nets { vgg16_cam }", "vgg16_cam(20)", &[], &picture(72, 56), &saves);
}

/// In single precision, to keep memory small; the reference in single precision is as far away (5e-7).
#[test]
fn resnet38_is_that_of_psa_and_of_seam() {
    let all = published("networks");
    let psa = [
        ("conv4_mean", "gap(n.trunk.taps(image).conv4)"),
        ("conv5_mean", "gap(n.trunk.taps(image).conv5)"),
        ("conv6_mean", "gap(n.trunk.taps(image).conv6)"),
        ("cam", "relu(n(image))"),
        ("logits", "gap(n(image))"),
    ];
    let seam = [("cam", "n(image).cam"), ("refined", "n(image).refined")];
    for (name, nets, net, saves) in [
        ("psa_resnet38_cls", "resnet38_cam", "resnet38_cam(20)", &psa[..]),
        ("seam_resnet38", "resnet38_frozen, seam_net", "seam_net(resnet38_frozen(), 20)", &seam[..]),
    ] {
        let stage = stage(&format!("use nets {{ {nets} }}"), net, &[], saves);
        agree(&results(&stage, weights(&stage, &all[name], &[]), &picture(72, 56), DType::F32), &all[name], 3e-6);
    }
}

/// Scores of a quarter of the picture, which the code brings to its size.
#[test]
fn the_decoder_of_isim() {
    let all = published("networks");
    let given = [
        Given { name: "low", t: 1001, shape: &[1, 256, 18, 14] },
        Given { name: "deep", t: 1002, shape: &[1, 2048, 5, 4] },
    ];
    let saves = [("segmentation", "n({ layer4 = g.deep(image), layer1 = g.low(image) }) |> resize_like(image)")];
    check(&all["isim_decoder"], "use nets { isim_decoder }", "isim_decoder(21)", &given, &picture(72, 56), &saves);
}
