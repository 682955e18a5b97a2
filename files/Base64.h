// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes that a text file holds as base64 (RFC 4648, section 4): the normalizer tables of tokenizer.json. In: letters,
// perhaps with padding, from a stranger. Out: bytes, or nothing when a character is none of the alphabet or the length
// is impossible. Tested by test/unit/files/Base64Test.cpp.
#ifndef LMOPT_FILES_BASE64_H
#define LMOPT_FILES_BASE64_H

#include <optional>
#include <string>
#include <string_view>

namespace lmopt {

std::optional<std::string> decodeBase64(std::string_view text);

} // namespace lmopt

#endif // LMOPT_FILES_BASE64_H
