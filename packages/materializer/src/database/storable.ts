/** Postgres text holds no NUL, and a lone surrogate has no UTF-8 form: both become U+FFFD. */
export function storable(text: string): string {
  return text.replaceAll(/\0|\p{Surrogate}/gu, "\uFFFD");
}
