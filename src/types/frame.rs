//! A [`Frame`] says where the rows and columns of a tensor lie in the picture: as they are, mirrored, a part of it.
//!
//! How fine the grid is stands in the dims already (`ceil(H/8)`), and a resize keeps the whole picture in view; so a scale is no
//! part of a frame. The last two axes of a tensor are its rows and columns.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Frame {
    /// Has no rows and columns of a picture: a vector, a weight, a number. Goes with everything.
    #[default]
    Nowhere,
    /// Rows and columns of the picture the step was given.
    Picture(View),
    /// Somewhere that is not followed: after a reshape, in a batch of several views. Goes with everything.
    Lost,
}

/// How a tensor shows its picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct View {
    /// Top and bottom exchanged.
    pub upside_down: bool,
    /// Left and right exchanged.
    pub mirrored: bool,
    /// Rows or columns are cut off.
    pub part: bool,
}

impl Frame {
    /// The picture as it is given.
    pub const WHOLE: Frame = Frame::Picture(View { upside_down: false, mirrored: false, part: false });

    /// What is known of a value made place by place from both; differing views are lost.
    pub fn join(self, other: Frame) -> Frame {
        match (self, other) {
            (Frame::Nowhere, frame) | (frame, Frame::Nowhere) => frame,
            (a, b) if a == b => a,
            _ => Frame::Lost,
        }
    }

    /// Whether place by place the two cannot show the same spot of the picture.
    pub fn differs(self, other: Frame) -> bool {
        match (self, other) {
            (Frame::Picture(a), Frame::Picture(b)) => a != b,
            _ => false,
        }
    }

    /// The view, changed.
    pub fn map(self, change: impl FnOnce(&mut View)) -> Frame {
        match self {
            Frame::Picture(mut view) => {
                change(&mut view);
                Frame::Picture(view)
            }
            other => other,
        }
    }

    /// After an op that moves places about in a way that is not followed.
    pub fn lost(self) -> Frame {
        if self == Frame::Nowhere { Frame::Nowhere } else { Frame::Lost }
    }
}

/// "mirrored left to right", "a part of the picture", "the whole picture".
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame::Picture(view) = self else { return f.write_str("no place in the picture") };
        let turned = match (view.upside_down, view.mirrored) {
            (false, false) => "",
            (false, true) => "mirrored left to right",
            (true, false) => "mirrored top to bottom",
            (true, true) => "mirrored both ways",
        };
        match (turned, view.part) {
            ("", false) => f.write_str("the picture as it is given"),
            ("", true) => f.write_str("a part of the picture"),
            (turned, false) => f.write_str(turned),
            (turned, true) => write!(f, "a part of the picture, {turned}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_that_differ_are_told_and_lost() {
        let mirrored = Frame::WHOLE.map(|view| view.mirrored = true);
        assert!(Frame::WHOLE.differs(mirrored) && !Frame::Lost.differs(mirrored) && !Frame::Nowhere.differs(mirrored));
        assert_eq!(Frame::WHOLE.join(mirrored), Frame::Lost);
        assert_eq!(Frame::Nowhere.join(mirrored), mirrored);
        assert_eq!(mirrored.map(|view| view.mirrored ^= true), Frame::WHOLE);
        assert_eq!(mirrored.to_string(), "mirrored left to right");
        assert_eq!(Frame::Nowhere.lost(), Frame::Nowhere);
    }
}
