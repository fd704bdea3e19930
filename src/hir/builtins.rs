//! The words that are neither ops nor standard library text: data sets, augmentation, optimizers, initialisers, list functions.
//!
//! A table of names, parameters and words; `lower` gives each its meaning. All are there without `use`; naming those of a module
//! in a `use` line is allowed, so that a recipe can say where its words come from.

/// One builtin function.
pub struct Builtin {
    pub name: &'static str,
    pub id: BuiltinId,
    /// The module a `use` line may name it under.
    pub module: &'static str,
    pub summary: &'static str,
    pub parameters: &'static [BuiltinParameter],
}

pub struct BuiltinParameter {
    pub name: &'static str,
    pub need: Need,
    pub doc: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    Required,
    Optional,
    /// Takes all further positional arguments.
    Rest,
}

macro_rules! builtins {
    ($($id:ident, $name:literal, $module:literal, $summary:literal, [$($need:ident $parameter:literal $doc:literal),* $(,)?];)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum BuiltinId { $($id,)* }

        pub static BUILTINS: &[Builtin] = &[$(Builtin {
            name: $name,
            id: BuiltinId::$id,
            module: $module,
            summary: $summary,
            parameters: &[$(BuiltinParameter { name: $parameter, need: Need::$need, doc: $doc },)*],
        },)*];
    };
}

builtins! {
    Voc2012, "voc2012", "data", "The PASCAL VOC 2012 devkit folder.", [
        Required "root" "the folder that holds `JPEGImages`",
        Optional "tags" "a file of tags in place of the annotations: `cls_labels.npy` (default none)"];
    Coco, "coco", "data", "The folder of MS COCO: annotations and pictures of `train` and `val`.", [
        Required "root" "the folder that holds `annotations`",
        Optional "tags" "a file of tags in place of those of the annotations: `cls_labels.npy` (default none)",
        Optional "year" "2014 or 2017 (default 2014)",
        Optional "on_top" "which of two instances a mask shows where both lie: the `\"later\"` in the file or the `\"smaller\"` (default \"later\")"];
    Folder, "folder", "data", "A folder of pictures with `labels.csv`.", [
        Required "root" "the folder that holds `images`",
        Optional "tags" "a file of tags in place of `labels.csv`: `cls_labels.npy` (default none)"];
    Scenes, "scenes", "data", "Pictures the program draws itself, with exact masks; no files.", [
        Optional "images" "how many, training and validation together (default 600)",
        Optional "size" "height and width in pixels (default 96)",
        Optional "classes" "how many classes (default 6)",
        Optional "seed" "another number draws other pictures (default 0)"];
    FolderMaps, "folder_maps", "data", "Grey pictures that no stage made, one an image by its name, to be joined: `with { saliency = … }`.", [
        Required "folder" "where they lie; 0–255 is read as 0–1",
        Required "carries" "what knowledge they are, as in `supervision image + saliency`: `\"saliency\"`"];
    VocSubmission, "voc_submission", "data", "Class numbers that are saved, and packed for the test server of PASCAL VOC as well: `save mask = voc_submission(mask)`.", [
        Required "mask" "class numbers of the pictures of `voc2012`, as large as they are",
        Optional "competition" "`\"comp6\"`: learnt from any data, or `\"comp5\"`: from VOC's own alone (default \"comp6\")"];
    ResizeLong, "resize_long", "data", "Resizes so that the long side has the given length.", [
        Required "samples" "the pictures",
        Required "long_side" "pixels",
        Optional "method" "how joined maps are resized, by field: `{ sal = \"area\" }` (default: by their type)"];
    RandomResize, "random_resize", "data", "Resizes so that the long side is a uniform whole number of the range.", [
        Required "samples" "the pictures",
        Required "long_side" "a range of pixels",
        Optional "method" "how joined maps are resized, by field: `{ sal = \"area\" }` (default: by their type)"];
    ClampLongSide, "clamp_long_side", "data", "Resizes where the long side is outside the range, to the nearer end of it.", [
        Required "samples" "the pictures",
        Required "long_side" "a range of pixels",
        Optional "method" "how joined maps are resized, by field: `{ sal = \"area\" }` (default: by their type)"];
    RandomScale, "random_scale", "data", "Resizes by a uniform factor of a range, or by one of a list.", [
        Required "samples" "the pictures",
        Required "factor" "a range, or a list of factors",
        Optional "method" "how joined maps are resized, by field: `{ sal = \"area\" }` (default: by their type)"];
    RandomFlip, "random_flip", "data", "Mirrors left and right with probability `p`.", [
        Required "samples" "the pictures",
        Optional "p" "probability (default 0.5)"];
    ColorJitter, "color_jitter", "data", "Changes brightness, contrast, saturation and hue by chance, in random order.", [
        Required "samples" "the pictures",
        Optional "brightness" "largest relative change (default 0.3)",
        Optional "contrast" "largest relative change (default 0.3)",
        Optional "saturation" "largest relative change (default 0.3)",
        Optional "hue" "largest turn, as a part of the circle (default 0.1)"];
    HsvJitter, "hsv_jitter", "data", "Adds uniform whole numbers to hue, saturation and value.", [
        Required "samples" "the pictures",
        Optional "hue" "largest turn, in 180ths of the circle (default 10)",
        Optional "saturation" "largest change, in 255ths (default 10)",
        Optional "value" "largest change, in 255ths (default 10)"];
    RandomCrop, "random_crop", "data", "Cuts a square at a random place; a smaller picture is placed in it at a random offset.", [
        Required "samples" "the pictures",
        Required "size" "side in pixels, or `[height, width]`",
        Optional "fill" "what stands around the picture, by field: `{ image = 0, seeds = 255 }` (default: mean colour, 255, 0)"];
    CenterCrop, "center_crop", "data", "Cuts the middle.", [
        Required "samples" "the pictures",
        Required "size" "side in pixels, or `[height, width]`",
        Optional "fill" "what stands around the picture, by field: `{ image = 0, seeds = 255 }` (default: mean colour, 255, 0)"];
    TopLeftCrop, "top_left_crop", "data", "Cuts what begins at the upper left corner; a smaller picture is padded at the right and below.", [
        Required "samples" "the pictures",
        Required "size" "side in pixels, or `[height, width]`",
        Optional "fill" "what stands around the picture, by field: `{ image = 0, seeds = 255 }` (default: mean colour, 255, 0)"];
    PadTo, "pad_to", "data", "Pads at the right and below to at least a size; a larger picture stays as it is.", [
        Required "samples" "the pictures",
        Required "size" "side in pixels, or `[height, width]`",
        Optional "fill" "what stands around the picture, by field: `{ image = 0, seeds = 255 }` (default: mean colour, 255, 0)"];
    PadToMultiple, "pad_to_multiple", "data", "Pads at the right and below until both sides are multiples.", [
        Required "samples" "the pictures",
        Required "of" "pixels, or `[height, width]`",
        Optional "fill" "what stands around the picture, by field: `{ image = 0, seeds = 255 }` (default: mean colour, 255, 0)"];
    Map, "map", "data", "Gives each batch of samples new fields, or others in place of those it has.", [
        Required "samples" "the pictures",
        Required "function" "from a sample to a record: `s => { image = s.image * (1 - s.mask) }`"];
    Standardize, "standardize", "data", "Brings 0–255 to mean 0 and deviation 1 by the ImageNet figures, or by those given.", [
        Required "samples" "the pictures",
        Optional "mean" "three numbers of the 0–1 scale (default 0.485, 0.456, 0.406)",
        Optional "std" "three numbers of the 0–1 scale (default 0.229, 0.224, 0.225)"];
    SubtractMean, "subtract_mean", "data", "Subtracts a colour on the scale 0–255 and divides by nothing, as networks in Caffe's line want it.", [
        Required "samples" "the pictures",
        Optional "mean" "three numbers of the 0–255 scale, in the order of the channels (default 104.008, 116.669, 122.675)",
        Optional "order" "`\"bgr\"` or `\"rgb\"` (default \"bgr\")"];

    Sgd, "sgd", "optimizers", "Stochastic gradient descent.", [
        Required "lr" "learning rate",
        Optional "momentum" "0..1 (default 0)",
        Optional "weight_decay" "added to the gradient as this factor times the weight (default 0)",
        Optional "nesterov" "looks ahead by one momentum step (default false)",
        Optional "schedule" "a function of `{ step, steps, epoch, epochs }` that gives the factor on `lr`"];
    RmsProp, "rmsprop", "optimizers", "Steps by the root of the mean square of the gradients.", [
        Required "lr" "learning rate",
        Optional "alpha" "decay of the mean square (default 0.99)",
        Optional "eps" "added to the root (default 1e-8)",
        Optional "weight_decay" "added to the gradient as this factor times the weight (default 0)",
        Optional "momentum" "0..1 (default 0)",
        Optional "schedule" "a function of `{ step, steps, epoch, epochs }` that gives the factor on `lr`"];
    Adam, "adam", "optimizers", "Adam; weight decay is a part of the gradient, unlike in `adamw`.", [
        Required "lr" "learning rate",
        Optional "betas" "decay of both averages (default [0.9, 0.999])",
        Optional "eps" "added to the root (default 1e-8)",
        Optional "weight_decay" "added to the gradient as this factor times the weight (default 0)",
        Optional "schedule" "a function of `{ step, steps, epoch, epochs }` that gives the factor on `lr`"];
    AdamW, "adamw", "optimizers", "Adam with decoupled weight decay.", [
        Required "lr" "learning rate",
        Optional "betas" "decay of both averages (default [0.9, 0.999])",
        Optional "eps" "added to the root (default 1e-8)",
        Optional "weight_decay" "times `lr`, taken from the weight (default 0.01)",
        Optional "schedule" "a function of `{ step, steps, epoch, epochs }` that gives the factor on `lr`"];

    Zeros, "zeros", "layers", "Initialises with 0.", [];
    Ones, "ones", "layers", "Initialises with 1.", [];
    Constant, "constant", "layers", "Initialises with one number.", [Required "value" "the number"];
    Normal, "normal", "layers", "Initialises from a normal distribution of mean 0.", [Required "std" "standard deviation"];
    TruncatedNormal, "truncated_normal", "layers", "Initialises from a normal distribution of mean 0 without its tails.", [
        Required "std" "standard deviation before the tails are cut",
        Optional "cut" "standard deviations beyond which a number is drawn again (default 2)"];
    Uniform, "uniform", "layers", "Initialises from a uniform distribution.", [
        Required "low" "smallest value", Required "high" "largest value"];
    HeNormal, "he_normal", "layers", "Normal with variance 2 / fan (He et al. 2015).", [
        Optional "fan" "`\"in\"` or `\"out\"` (default \"in\")"];
    HeUniform, "he_uniform", "layers", "Uniform with variance 2 / fan (He et al. 2015).", [
        Optional "fan" "`\"in\"` or `\"out\"` (default \"in\")"];
    XavierNormal, "xavier_normal", "layers", "Normal with variance 2 gain² / (fan in + fan out) (Glorot and Bengio 2010).", [
        Optional "gain" "factor on the deviation (default 1)"];
    XavierUniform, "xavier_uniform", "layers", "Uniform with variance 2 gain² / (fan in + fan out) (Glorot and Bengio 2010).", [
        Optional "gain" "factor on the bound (default 1)"];
    FromFile, "from_file", "layers", "Initialises with one array of a file.", [
        Required "file" "a file of weights in any format that is read",
        Required "name" "the array's name in it; its shape must be that of the weight"];
    Load, "load", "nets", "The net with its weights read from a file; names and shapes must agree.", [
        Required "net" "what to fill",
        Required "file" "a file of weights, `{ file = …, carries = … }` with any of the words below, or `none` for random weights",
        Optional "except" "beginnings of names in the file that the net does not want (default [])",
        Optional "carries" "what the weights have learnt from: `\"imagenet tags\"`, `\"coco masks\"`, `\"saliency\"`; not said, their origin is unknown",
        Optional "strict" "whether every name must be in both file and net (default true); shapes must agree either way",
        Optional "manifest" "a TOML file with `carries`, `source` and `names` (default the one beside the file: `a.pth.toml`)"];
    Clone, "clone", "nets", "An own copy of a net, trained by itself, which begins with the weights of that net.", [
        Required "net" "a net of this stage or of an earlier one"];
    InitFrom, "init_from", "nets", "The net with its weights beginning as those of the same names in another net.", [
        Required "net" "what to fill",
        Required "from" "a net of this stage or of an earlier one",
        Optional "except" "patterns of paths that keep their own beginning (default [])"];
    Named, "named", "nets", "The net as a layer whose weights carry this name in place of the layer's own.", [
        Required "net" "what a `layer` line holds, alone or in a list",
        Required "name" "`\"block1\"` makes `block1.conv.weight`; `none` leaves the name out: `conv.weight`"];
    Freeze, "freeze", "nets", "The net in evaluation mode, its weights not trained; gradients still flow through it.", [
        Required "net" "a net",
        Optional "only" "patterns of paths, `*` for any text: these parts alone"];
    EvalMode, "eval_mode", "nets", "The net in evaluation mode (no dropout, stored statistics); its weights are trained as before.", [
        Required "net" "a net",
        Optional "only" "patterns of paths, `*` for any text: these parts alone"];
    TrainMode, "train_mode", "nets", "The net in training mode (dropout, statistics of the batch), frozen or not, in any stage.", [
        Required "net" "a net",
        Optional "only" "patterns of paths, `*` for any text: these parts alone"];
    Updating, "updating", "layers", "Gives `x`; after the step `state` takes the value.", [
        Required "x" "passed on",
        Required "state" "a state of the net",
        Required "value" "its next value"];

    Doublings, "doublings", "seeds", "How often a matrix is squared for a random walk of so many steps: the exponent of two.", [
        Required "steps" "a power of two, as `256 steps`"];

    Tensor, "tensor", "", "A constant tensor from a number or nested lists.", [
        Required "values" "numbers",
        Optional "domain" "what they mean (default \"real\")"];
    Claim, "claim", "", "The same numbers under another domain: the recipe vouches for what the checker cannot see.", [
        Required "x" "a tensor",
        Required "domain" "what its numbers are known to be"];
    Declassify, "declassify", "", "The same numbers as if they had seen no labels; the reason is shown with every result.", [
        Required "x" "a tensor",
        Required "reason" "why what it has seen does not count"];
    Grad, "grad", "", "The gradient of a value (of its sum) by another that it was computed from; a value like any other.", [
        Required "of" "what is differentiated, for example a class score",
        Required "at" "the value it was computed from, or a list of such: the gradient is as large"];
    Shape, "shape", "", "The lengths of all axes as a list.", [Required "x" "a tensor"];
    Size, "size", "", "The length of an axis, symbolic where the picture decides it.", [
        Required "x" "a tensor",
        Required "axis" "counted from 0, negative from the end"];
    Scaled, "scaled", "", "A length times a factor, rounded down.", [
        Required "length" "a whole number, symbolic where the picture decides it",
        Required "factor" "a number above 0"];
    Len, "len", "", "How many elements a list has.", [Required "list" "a list"];
    Zip, "zip", "", "Pairs of what stands at the same place of two lists, as `[a, b]`.", [
        Required "left" "a list", Required "right" "a list of the same length"];
    Fold, "fold", "", "Runs `step(value, element)` over a list, from `start`.", [
        Required "list" "a list",
        Required "start" "the first value",
        Required "step" "a function of two arguments"];
    Total, "total", "", "The sum of a list of numbers or tensors.", [Required "list" "a list of at least one"];
    Floor, "floor", "", "The whole number below.", [Required "x" "a number"];
    Ceil, "ceil", "", "The whole number above.", [Required "x" "a number"];
    Round, "round", "", "The nearest whole number, half away from zero.", [Required "x" "a number"];
    Min, "min", "", "The smallest of some numbers.", [Rest "values" "numbers"];
    Max, "max", "", "The largest of some numbers.", [Rest "values" "numbers"];
}

/// Names that mean something without a definition and cannot be defined by a recipe.
pub const CONSTANTS: &[&str] = &["training", "ignore"];

pub fn find(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// The builtins a `use` line may name under `module`.
pub fn of_module(module: &str) -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().filter(move |builtin| builtin.module == module).map(|builtin| builtin.name)
}

/// Whether a recipe may not give the name another meaning.
pub fn is_reserved(name: &str) -> bool {
    find(name).is_some() || CONSTANTS.contains(&name)
}
