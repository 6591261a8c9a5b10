import { element, isInUse, say, scrollable } from './dom.js'
import { NONE } from './format.js'

/**
 * A table of rows that come and go. While somebody points at it, or has the keyboard in it, its rows stay where they are: who presses
 * a button is to get the row that was there.
 */
export class Table {
  #columns
  #keyOf
  #rows = new Map()
  #body = element('tbody', { role: 'rowgroup' })
  #empty = element('p', { className: 'empty' })
  #table

  /**
   * @param columns Each has a `head`, and a `text` of a row or a `make` of a cell; `by` where it can be sorted by.
   * @param onSort Is told what to sort by.
   */
  constructor(section, columns, keyOf, onSort = () => {}) {
    this.#columns = columns
    this.#keyOf = keyOf
    this.#table = section.querySelector('table')
    const head = element(
      'thead',
      { role: 'rowgroup' },
      element('tr', { role: 'row' }, ...columns.map(column => headOf(column, by => this.#sort(by, onSort)))),
    )
    this.#table.className = 'rows'
    this.#table.role = 'table' // which it stays in a narrow window, where its rows are shown as boxes
    this.#table.append(head, this.#body)
    this.#table.after(this.#empty)
    scrollable(this.#table.parentElement, `Table of ${section.querySelector('h2').textContent.toLowerCase()}`)
    this.#mark(columns.find(({ by }) => by)?.by)
  }

  /** Shows rows in their order, or words where there are none: the first ones of a query in any case. Returns whether they are held still. */
  show(items, words, isFirst) {
    const held = !isFirst && this.#rows.size > 0 && isInUse(this.#body)
    const shown = new Map(items.map(item => [this.#keyOf(item), item]))
    for (const [key, row] of this.#rows) this.#update(key, row, shown.get(key), held)
    if (!held) this.#place(shown)
    this.#table.hidden = this.#rows.size === 0
    this.#empty.hidden = this.#rows.size > 0
    say(this.#empty, words)
    return held
  }

  #update(key, row, item, held) {
    row.node.classList.toggle('gone', item === undefined)
    if (item !== undefined) this.#fill(row, item)
    else if (!held) {
      row.node.remove()
      this.#rows.delete(key)
    }
  }

  #place(shown) {
    let before = this.#body.firstElementChild
    for (const [key, item] of shown) {
      const row = this.#rows.get(key) ?? this.#make(key, item)
      if (row.node === before) before = before.nextElementSibling
      else this.#body.insertBefore(row.node, before)
    }
  }

  #make(key, item) {
    const row = { cells: this.#columns.map(cellOf) }
    row.node = element('tr', { role: 'row' }, ...row.cells)
    this.#rows.set(key, row)
    for (const [index, { make }] of this.#columns.entries()) if (make) row.cells[index].append(make(item))
    this.#fill(row, item)
    return row
  }

  #fill({ cells }, item) {
    for (const [index, { text, title }] of this.#columns.entries()) {
      if (text) write(cells[index], text(item))
      if (title) cells[index].title = title(item)
    }
  }

  #sort(by, onSort) {
    this.#mark(by)
    onSort(by)
  }

  #mark(by) {
    for (const head of this.#table.tHead.rows[0].cells) {
      if (head.dataset.by === by && by !== undefined) head.setAttribute('aria-sort', 'descending')
      else head.removeAttribute('aria-sort')
    }
  }
}

function write(cell, text) {
  say(cell, text)
  cell.classList.toggle('none', text === NONE)
}

function headOf({ head, by, kind = '' }, sort) {
  const cell = element('th', { scope: 'col', role: 'columnheader', className: kind })
  if (by === undefined) {
    cell.append(kind === 'action' ? element('span', { className: 'for-readers' }, head) : head)
    return cell
  }
  cell.dataset.by = by
  const button = element('button', { type: 'button', className: 'sort' }, head)
  button.addEventListener('click', () => sort(by))
  cell.append(button)
  return cell
}

function cellOf({ head, kind = '', bare }) {
  const cell = element('td', { role: 'cell', className: kind })
  if (!bare) cell.dataset.head = head
  return cell
}

/** What is told of a table that shows some of many. */
export function countWords({ total, matched, rows }, name, held) {
  const still = held ? ' · held still' : ''
  if (rows.length < matched) return `${rows.length} of ${number(matched)} ${matched < total ? 'found' : name}${still}`
  if (matched < total) return `${number(matched)} of ${number(total)} found${still}`
  return `${number(total)}${still}`
}

const number = value => value.toLocaleString('en')

/** Calls back with what is searched for, once no more is typed. */
export function onSearch(section, search) {
  const field = section.querySelector('input[type=search]')
  let timer
  field.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(() => search(field.value.trim()), 200)
  })
}
