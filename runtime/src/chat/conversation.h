/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One call of the chat template engine: what it was given, and how that becomes variables of the template.
 */
#ifndef LMOPT_SRC_CHAT_CONVERSATION_H
#define LMOPT_SRC_CHAT_CONVERSATION_H

#include "chat.h"

typedef struct {
  text_t source;
  const lmopt_chat_message_t *messages;
  size_t count;
  lmopt_chat_options_t options;
  const lmopt_tokenizer_t *tokenizer; // whose special tokens the template sees, or NULL
  text_t final;                       // what continue_field stands for
} request_t;

void tpl_set_conversation(chat_t *chat, const request_t *request);
void tpl_mark_final_message(chat_t *chat, request_t *request);
void tpl_cut_final_message(chat_t *chat, const request_t *request, buffer_t *out);

#endif
