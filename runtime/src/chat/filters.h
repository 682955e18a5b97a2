/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The filters of chat templates, by the files they are in. Each gets its input and the arguments that filters.c has
 * sorted by the names of its table.
 */
#ifndef LMOPT_SRC_CHAT_FILTERS_H
#define LMOPT_SRC_CHAT_FILTERS_H

#include "chat.h"

#define FILTER(name) value_t name(chat_t *chat, value_t input, const call_t *call)

/* filters_text.c */
FILTER(tpl_filter_upper);
FILTER(tpl_filter_lower);
FILTER(tpl_filter_capitalize);
FILTER(tpl_filter_title);
FILTER(tpl_filter_trim);
FILTER(tpl_filter_string);
FILTER(tpl_filter_safe);
FILTER(tpl_filter_escape);
FILTER(tpl_filter_forceescape);
FILTER(tpl_filter_replace);
FILTER(tpl_filter_center);
FILTER(tpl_filter_indent);
FILTER(tpl_filter_truncate);
FILTER(tpl_filter_wordcount);
FILTER(tpl_filter_format);
FILTER(tpl_filter_urlencode);
FILTER(tpl_filter_tojson);

/* filters_number.c */
FILTER(tpl_filter_abs);
FILTER(tpl_filter_int);
FILTER(tpl_filter_float);
FILTER(tpl_filter_round);
FILTER(tpl_filter_sum);

/* filters_list.c */
FILTER(tpl_filter_length);
FILTER(tpl_filter_default);
FILTER(tpl_filter_join);
FILTER(tpl_filter_first);
FILTER(tpl_filter_last);
FILTER(tpl_filter_list);
FILTER(tpl_filter_reverse);
FILTER(tpl_filter_items);
FILTER(tpl_filter_attr);
FILTER(tpl_filter_map);
FILTER(tpl_filter_select);
FILTER(tpl_filter_reject);
FILTER(tpl_filter_selectattr);
FILTER(tpl_filter_rejectattr);
FILTER(tpl_filter_batch);
FILTER(tpl_filter_slice);

/* filters_sort.c */
FILTER(tpl_filter_sort);
FILTER(tpl_filter_dictsort);
FILTER(tpl_filter_unique);
FILTER(tpl_filter_groupby);
FILTER(tpl_filter_min);
FILTER(tpl_filter_max);

#endif
