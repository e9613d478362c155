//! The recipes that are compiled in. A new one is a folder under `recipes/` and one entry here.

/// Name and files of every built-in recipe.
pub(crate) const BUILT_IN: [(&str, &[(&str, &str)]); 5] = [
    (
        "newsletter",
        &[
            ("recipe.toml", include_str!("../../../recipes/newsletter/recipe.toml")),
            ("input.schema.json", include_str!("../../../recipes/newsletter/input.schema.json")),
            ("example.json", include_str!("../../../recipes/newsletter/example.json")),
            ("system.j2", include_str!("../../../recipes/newsletter/system.j2")),
            ("prompt.j2", include_str!("../../../recipes/newsletter/prompt.j2")),
            ("revise.j2", include_str!("../../../recipes/newsletter/revise.j2")),
        ],
    ),
    (
        "outreach",
        &[
            ("recipe.toml", include_str!("../../../recipes/outreach/recipe.toml")),
            ("input.schema.json", include_str!("../../../recipes/outreach/input.schema.json")),
            ("example.json", include_str!("../../../recipes/outreach/example.json")),
            ("system.j2", include_str!("../../../recipes/outreach/system.j2")),
            ("prompt.j2", include_str!("../../../recipes/outreach/prompt.j2")),
            ("revise.j2", include_str!("../../../recipes/outreach/revise.j2")),
        ],
    ),
    (
        "picture",
        &[
            ("recipe.toml", include_str!("../../../recipes/picture/recipe.toml")),
            ("input.schema.json", include_str!("../../../recipes/picture/input.schema.json")),
            ("example.json", include_str!("../../../recipes/picture/example.json")),
            ("prompt.j2", include_str!("../../../recipes/picture/prompt.j2")),
        ],
    ),
    (
        "text",
        &[
            ("recipe.toml", include_str!("../../../recipes/text/recipe.toml")),
            ("input.schema.json", include_str!("../../../recipes/text/input.schema.json")),
            ("example.json", include_str!("../../../recipes/text/example.json")),
            ("system.j2", include_str!("../../../recipes/text/system.j2")),
            ("prompt.j2", include_str!("../../../recipes/text/prompt.j2")),
            ("revise.j2", include_str!("../../../recipes/text/revise.j2")),
        ],
    ),
    (
        "video",
        &[
            ("recipe.toml", include_str!("../../../recipes/video/recipe.toml")),
            ("input.schema.json", include_str!("../../../recipes/video/input.schema.json")),
            ("example.json", include_str!("../../../recipes/video/example.json")),
            ("prompt.j2", include_str!("../../../recipes/video/prompt.j2")),
        ],
    ),
];
