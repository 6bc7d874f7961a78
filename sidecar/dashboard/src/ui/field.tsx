// Parts of a form. An error stands at its field, and is read out with it.
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
    label: string;
    hint?: ComponentChildren;
    error?: string | undefined;
    optional?: boolean;
    /** Gets what ties the control to its label, hint and error. */
    children: (ties: FieldTies) => ComponentChildren;
}

export interface FieldTies {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": true | undefined;
}

export function Field({ label, hint, error, optional, children }: FieldProps) {
    const id = useId();
    const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
    return (
        <div class="field">
            <label for={id}>
                {label}
                {optional && <span class="optional"> optional</span>}
            </label>
            {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
            {hint && (
                <div class="field-hint" id={`${id}-hint`}>
                    {hint}
                </div>
            )}
            <div class="field-error" id={`${id}-error`} aria-live="polite">
                {error && <bdi>{error}</bdi>}
            </div>
        </div>
    );
}

interface TextProps extends Partial<FieldTies> {
    value?: string;
    name?: string;
    placeholder?: string;
    required?: boolean;
    disabled?: boolean;
    maxLength?: number;
    autocomplete?: string;
    "aria-label"?: string;
    onText?: (text: string) => void;
    onKeyDown?: (event: KeyboardEvent) => void;
    onBlur?: () => void;
}

interface InputProps extends TextProps {
    type?: "text" | "password" | "search" | "number" | "datetime-local";
    mono?: boolean;
    list?: string; // the id of a <datalist>
    min?: number;
    step?: number;
}

export function TextInput({ onText, mono, type = "text", ...rest }: InputProps) {
    const attributes = { spellcheck: false, autocomplete: "off", ...rest, type } as JSX.IntrinsicElements["input"];
    return (
        <input
            {...attributes}
            class={mono ? "input mono" : "input"}
            onInput={event => onText?.(event.currentTarget.value)}
        />
    );
}

export function TextArea({ onText, rows = 6, ...rest }: TextProps & { rows?: number }) {
    const attributes = { spellcheck: false, autocomplete: "off", ...rest, rows } as JSX.IntrinsicElements["textarea"];
    return <textarea {...attributes} class="input mono area" onInput={event => onText?.(event.currentTarget.value)} />;
}

interface SelectProps<T extends string> extends Partial<FieldTies> {
    value: T;
    options: readonly { value: T; label: string }[];
    onChange: (value: T) => void;
    "aria-label"?: string;
    disabled?: boolean;
}

export function Select<T extends string>({ value, options, onChange, ...rest }: SelectProps<T>) {
    return (
        <select
            class="input select"
            {...rest}
            value={value}
            onChange={event => onChange(event.currentTarget.value as T)}
        >
            {options.map(option => (
                <option key={option.value} value={option.value}>
                    {option.label}
                </option>
            ))}
        </select>
    );
}

interface ChoiceProps<T extends string> {
    label: string;
    value: T;
    options: readonly { value: T; label: string }[];
    onChange: (value: T) => void;
}

/** One of a few, side by side. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
    const name = useId();
    return (
        <fieldset class="choice">
            <legend class="sr-only">{label}</legend>
            {options.map(option => (
                <label key={option.value} class={option.value === value ? "chosen" : ""}>
                    <input
                        type="radio"
                        class="sr-only"
                        name={name}
                        checked={option.value === value}
                        onChange={() => onChange(option.value)}
                    />
                    {option.label}
                </label>
            ))}
        </fieldset>
    );
}
