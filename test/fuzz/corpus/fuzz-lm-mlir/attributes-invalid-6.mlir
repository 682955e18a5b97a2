module attributes {lm.tokenizer = 1 : i64} {}
