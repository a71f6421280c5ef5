export interface Place {
  line: number;
  column: number;
}

/** Turns offsets of a text into lines and columns, both from 1. A line ends with LF, CR LF, or CR, as editors have it. */
export function lineIndex(text: string): (offset: number) => Place {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    const line = countUpTo(starts, offset);
    return { line, column: offset - starts[line - 1]! + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const end of text.matchAll(/\r\n|\n|\r/g)) {
    starts.push(end.index + end[0].length);
  }
  return starts;
}

/** How many of the ascending `numbers` are at most `limit`. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
