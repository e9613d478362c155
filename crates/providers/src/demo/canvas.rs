//! What the demo provider draws: soft rings in two colours, placed and coloured by the hash of the prompt, as a PNG or as
//! an animated GIF. Deterministic, in integers, and without a crate: both formats are written uncompressed.

use super::words::hash;

/// Colours in a palette. A GIF whose codes never widen can hold no more.
const COLOURS: usize = 128;
/// The most pixels a GIF code table takes before its codes would become wider.
const PIXELS_BEFORE_CLEAR: usize = 120;
/// Bytes of one stored block of a zlib stream.
const STORED_MAX: usize = 65_535;
/// Units: hundredths of a second that one frame is shown.
const FRAME_HUNDREDTHS: u16 = 12;

/// A drawing of one prompt.
pub(crate) struct Canvas {
    pub width: u16,
    pub height: u16,
    seed: u64,
}

impl Canvas {
    pub fn new(prompt: &str, number: u64, width: u16, height: u16) -> Canvas {
        Canvas { width, height, seed: hash(&[prompt, &number.to_string()]) }
    }

    /// From one colour to another and back, so that rings have no edge.
    fn palette(&self) -> Vec<[u8; 3]> {
        let colour = |shift: u32| [0, 8, 16].map(|part| (self.seed >> (shift + part)) as u8);
        let (one, two) = (colour(0), colour(24).map(|part| 255 - part));
        let between = |step: usize, part: usize| {
            let share = if step < COLOURS / 2 { step } else { COLOURS - 1 - step };
            let (from, to) = (i32::from(one[part]), i32::from(two[part]));
            (from + (to - from) * share as i32 / (COLOURS as i32 / 2)) as u8
        };
        (0..COLOURS).map(|step| [between(step, 0), between(step, 1), between(step, 2)]).collect()
    }

    /// The number of the colour of each pixel, row by row. `turn` moves the rings on.
    fn pixels(&self, turn: usize) -> Vec<u8> {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let centre = |shift: u32, span: usize| (self.seed >> shift) as usize % span.max(1);
        let centres = [(centre(3, width), centre(11, height)), (centre(19, width), centre(29, height))];
        let distance = |x: usize, y: usize, (cx, cy): (usize, usize)| {
            let (dx, dy) = (x.abs_diff(cx), y.abs_diff(cy));
            (dx * dx + dy * dy).isqrt()
        };
        let colour = |x: usize, y: usize| {
            let rings = distance(x, y, centres[0]) * 2 + distance(x, y, centres[1]);
            ((rings + COLOURS - turn % COLOURS) % COLOURS) as u8
        };
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| colour(x, y)).collect()
    }

    /// The drawing as a PNG.
    pub fn png(&self) -> Vec<u8> {
        let mut rows = Vec::new();
        for row in self.pixels(0).chunks(usize::from(self.width)) {
            rows.push(0);
            rows.extend_from_slice(row);
        }
        let mut head = Vec::new();
        head.extend(u32::from(self.width).to_be_bytes());
        head.extend(u32::from(self.height).to_be_bytes());
        // Eight bits of a palette, and nothing unusual.
        head.extend([8, 3, 0, 0, 0]);
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut png, b"IHDR", &head);
        chunk(&mut png, b"PLTE", &self.palette().concat());
        chunk(&mut png, b"IDAT", &stored(&rows));
        chunk(&mut png, b"IEND", &[]);
        png
    }

    /// So many frames that go round for ever, as a GIF.
    pub fn gif(&self, frames: usize) -> Vec<u8> {
        let mut gif = b"GIF89a".to_vec();
        gif.extend(self.width.to_le_bytes());
        gif.extend(self.height.to_le_bytes());
        // A palette of 128 colours.
        gif.extend([0xf6, 0, 0]);
        gif.extend(self.palette().concat());
        gif.extend(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00");
        for frame in 0..frames {
            gif.extend([0x21, 0xf9, 4, 0]);
            gif.extend(FRAME_HUNDREDTHS.to_le_bytes());
            gif.extend([0, 0, 0x2c, 0, 0, 0, 0]);
            gif.extend(self.width.to_le_bytes());
            gif.extend(self.height.to_le_bytes());
            gif.extend([0, 7]);
            for block in codes(&self.pixels(frame * COLOURS / frames.max(1))).chunks(255) {
                gif.push(block.len() as u8);
                gif.extend_from_slice(block);
            }
            gif.push(0);
        }
        gif.push(0x3b);
        gif
    }
}

/// Pixels as codes of eight bits: the table is cleared before its codes would need nine, so nothing is ever compressed.
fn codes(pixels: &[u8]) -> Vec<u8> {
    let (clear, end) = (COLOURS as u8, COLOURS as u8 + 1);
    let mut codes = Vec::with_capacity(pixels.len() + pixels.len() / PIXELS_BEFORE_CLEAR + 2);
    for run in pixels.chunks(PIXELS_BEFORE_CLEAR) {
        codes.push(clear);
        codes.extend_from_slice(run);
    }
    codes.push(end);
    codes
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let body = [kind.as_slice(), data].concat();
    png.extend_from_slice(&body);
    png.extend(crc32(&body).to_be_bytes());
}

/// A zlib stream of stored blocks.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = data.chunks(STORED_MAX).count();
    for (number, block) in data.chunks(STORED_MAX).enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(number + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

/// Source: RFC 1950, section 9.
fn adler32(data: &[u8]) -> u32 {
    let (mut one, mut two) = (1_u32, 0_u32);
    for byte in data {
        one = (one + u32::from(*byte)) % 65_521;
        two = (two + one) % 65_521;
    }
    two << 16 | one
}

/// Source: the PNG specification, annex D.
fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 })
    };
    !data.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_the_published_ones() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn the_same_prompt_is_the_same_picture_and_another_is_another() {
        let png = |prompt: &str, number| Canvas::new(prompt, number, 300, 300).png();
        assert_eq!(png("a boat", 0), png("a boat", 0));
        assert_ne!(png("a boat", 0), png("a goat", 0));
        assert_ne!(png("a boat", 0), png("a boat", 1));
        let picture = png("a boat", 0);
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") && picture.ends_with(b"IEND\xae\x42\x60\x82"));
    }

    #[test]
    fn a_gif_is_whole_and_its_frames_differ() {
        let canvas = Canvas::new("a boat", 0, 64, 48);
        let gif = canvas.gif(8);
        assert!(gif.starts_with(b"GIF89a") && gif.ends_with(&[0, 0x3b]));
        assert_ne!(canvas.pixels(0), canvas.pixels(COLOURS / 8));
        assert!(codes(&canvas.pixels(3)).iter().all(|code| usize::from(*code) <= COLOURS + 1));
    }
}
