// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// WireReader: every type of field, the example of the documentation, and every way in which a message can be damaged.
#include "files/Wire.h"

#include "gtest/gtest.h"

using namespace lmopt;

static std::string messageOf(const std::string &bytes) {
  WireReader reader(bytes, "f");
  WireField field;
  for (;;) {
    Result<bool> more = reader.next(field);
    if (!more) {
      EXPECT_EQ(more.error().code, kErrorMalformed);
      return more.error().message;
    }
    if (!*more)
      return "";
  }
}

TEST(Wire, EachType) {
  std::string bytes("\x08\x96\x01"                         // 1: 150, the example of the documentation
                    "\x12\x02hi"                           // 2: "hi"
                    "\x1D\x00\x00\x80\x3F"                 // 3: 1.0f
                    "\x21\x01\x00\x00\x00\x00\x00\x00\x80" // 4: 2^63 + 1
                    "\xF8\xFF\xFF\xFF\x0F\x00",            // 2^29 - 1: 0
                    27);
  WireReader reader(bytes, "f");
  WireField field;
  ASSERT_TRUE(*reader.next(field));
  EXPECT_EQ(field.number, 1u);
  EXPECT_EQ(field.value, 150u);
  ASSERT_TRUE(*reader.next(field));
  EXPECT_EQ(field.type, WireType::Bytes);
  EXPECT_EQ(field.bytes, "hi");
  ASSERT_TRUE(*reader.next(field));
  EXPECT_EQ(field.type, WireType::Four);
  EXPECT_EQ(field.value, 0x3F800000u);
  ASSERT_TRUE(*reader.next(field));
  EXPECT_EQ(field.type, WireType::Eight);
  EXPECT_EQ(field.value, 0x8000000000000001u);
  ASSERT_TRUE(*reader.next(field));
  EXPECT_EQ(field.number, (1u << 29) - 1);
  EXPECT_FALSE(*reader.next(field));
  EXPECT_FALSE(*reader.next(field)); // and again
}

TEST(Wire, LargestNumber) {
  WireReader reader("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", "f");
  WireField field;
  ASSERT_TRUE(*reader.next(field));
  EXPECT_EQ(field.value, UINT64_MAX);
}

TEST(Wire, Damage) {
  EXPECT_EQ(messageOf("\x80"), "f: byte 1: the key of a field has no end");
  EXPECT_EQ(messageOf(std::string(11, '\x80')), "f: byte 10: the key of a field has no end");
  EXPECT_EQ(messageOf(std::string("\x00", 1)), "f: byte 1: a field has the number 0");
  EXPECT_EQ(messageOf("\x80\x80\x80\x80\x10"), "f: byte 5: a field has the number 536870912");
  EXPECT_EQ(messageOf("\x08\x80"), "f: byte 2: field 1: its number has no end");
  EXPECT_EQ(messageOf("\x0D\x01\x02\x03"), "f: byte 1: field 1: the file ends inside of it");
  EXPECT_EQ(messageOf("\x09\x01\x02\x03"), "f: byte 1: field 1: the file ends inside of it");
  EXPECT_EQ(messageOf("\x12\x03hi"), "f: byte 2: field 2: it is longer than what is left");
  EXPECT_EQ(messageOf("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
            "f: byte 11: field 1: it is longer than what is left");
  EXPECT_EQ(messageOf("\x0B"), "f: byte 1: field 1 has the wire type 3; expected 0, 1, 2 or 5");
}
