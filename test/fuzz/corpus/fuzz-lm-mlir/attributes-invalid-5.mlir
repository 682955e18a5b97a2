module attributes {lm.config = 1 : i64} {}
