//! Every part that is meant to be trained can be: there is a gradient to each weight that is not frozen, and nothing is warned of.

use super::super::networks::accepted;

#[test]
fn every_network_can_be_trained() {
    let taps = "n({ half = image, layer1 = image, layer2 = image, layer3 = image, layer4 = image })";
    for (nets, net, call) in [
        (
            "classifier, resnet, bottleneck",
            "classifier(resnet(bottleneck, [1, 1, 1, 1], 16, width = 4), 2)",
            "n(image)",
        ),
        ("irn_cam", "irn_cam(2)", "n(image)"),
        ("classifier, resnest", "classifier(resnest([2, 1, 1, 1], 4, 16, width = 4), 2)", "n(image)"),
        ("resnet38_cam", "resnet38_cam(2, width = 2)", "n(image)"),
        ("vgg16_cam", "vgg16_cam(2, width = 2)", "n(image)"),
        ("vgg16_largefov", "vgg16_largefov(2, width = 2)", "n(image)"),
        ("vgg16_aspp", "vgg16_aspp(2, width = 2)", "n(image)"),
        ("mobilenet_v2_cam", "mobilenet_v2_cam(2, norm = \"batch\")", "n(image)"),
        ("mobilenet_v1_cam", "mobilenet_v1_cam(2, alpha = 0.25)", "n(image)"),
        ("squeezenet_cam", "squeezenet_cam(2)", "n(image)"),
        (
            "vit_classifier, vit",
            "vit_classifier(vit(width = 12, depth = 2, heads = 3, side = 32, patch = 8), 2)",
            "n(image)",
        ),
        ("mctformer_v1", "mctformer_v1(2)", "n(image)"),
        ("mctformer_v2", "mctformer_v2(2)", "n.run(image).cams"),
        (
            "several_scales, deeplabv2_resnet",
            "several_scales(deeplabv2_resnet(3, [1, 1, 1, 1], width = 2))",
            "n(image)",
        ),
        (
            "largefov_head",
            "largefov_head(3, 3, width = 4, norm = x => batch_norm(x, train_affine = false))",
            "n(image)",
        ),
        (
            "deeplabv3_head",
            "deeplabv3_head(3, 3, width = 4, norm = x => batch_norm(x, mode = \"running\"))",
            "n(image)",
        ),
        ("puzzlecam_head", "puzzlecam_head(3, 3, 3, width = 4, norm = x => group_norm(x, 4))", "n(image, image)"),
        (
            "unet_decoder",
            "unet_decoder({ half = 3, layer1 = 3, layer2 = 3, layer3 = 3, layer4 = 3 }, 3, learned = true)",
            taps,
        ),
        ("seam_net, resnet38_frozen", "seam_net(resnet38_frozen(width = 2), 2)", "n(image).cam + n(image).refined"),
        ("cpn_net, resnet38_frozen", "cpn_net(resnet38_frozen(width = 2), 2)", "n(image).cam + n(image).refined"),
        ("affinity_net, resnet38_frozen", "affinity_net(resnet38_frozen(width = 2), widths = [2, 2, 2])", "n(image)"),
        ("dilated_overlay", "dilated_overlay(3, 3)", "n(image)"),
    ] {
        accepted(&format!(
            "use data {{ scenes }}\nuse nets {{ {nets} }}\nlet d = scenes(images = 20, size = 32, classes = 2)
train t {{
  data      = d.train |> standardize |> random_crop(32)
  batch     = 8
  steps     = 1
  optimizer = sgd(lr = 0.01)
  net n     = {net}
  step {{ image }} {{ loss l = mean(square({call})) }}
}}
"
        ));
    }
}
